//! Type constraints of variables, as far as they convert values: defaults of `optional()`, sets, numbers to texts.
use hcl_edit::expr::{Expression, FuncCall, ObjectKey};
use source_text::{Data, Member, Span, Text, Value};

use super::expression::eval;
use super::template::in_snippet;
use crate::scope::Scope;
use crate::syntax::{Attribute, Source};
use crate::values::to_text;

/// The value of a variable with a type constraint.
pub(crate) fn convert(value: Value, constraint: &Attribute, scope: Scope<'_>) -> Value {
    match &constraint.source {
        Source::Hcl(expression) => apply(value, expression, Scope { file: constraint.key_span.file, ..scope }),
        Source::Json(written) => match written.as_str().and_then(|t| t.parse::<Expression>().ok()) {
            Some(expression) => {
                let text = written.as_str().unwrap_or_default();
                in_snippet(text, written.span, scope, |inner| apply(value, &expression, inner))
            }
            None => value,
        },
    }
}

fn apply(value: Value, constraint: &Expression, scope: Scope<'_>) -> Value {
    if matches!(value.data, Data::Null | Data::Unknown(_)) {
        return value;
    }
    match constraint {
        Expression::Variable(name) if name.value().as_str() == "string" => match to_text(&value) {
            Some(text) if !matches!(value.data, Data::Encoded(_)) => Value::new(Data::String(text), value.span),
            _ => value,
        },
        Expression::Variable(name) => match (name.value().as_str(), value.as_str()) {
            ("bool", Some(text @ ("true" | "false"))) => Value::new(Data::Bool(text == "true"), value.span),
            ("number", Some(text)) if text.parse::<f64>().is_ok() => Value::new(Data::Number(text.into()), value.span),
            _ => value,
        },
        Expression::FuncCall(call) => apply_call(value, call, scope),
        _ => value,
    }
}

fn apply_call(value: Value, call: &FuncCall, scope: Scope<'_>) -> Value {
    let Some(first) = call.args.iter().next() else { return value };
    let span = value.span;
    match (call.name.name.value().as_str(), value.data) {
        ("object", Data::Object(members)) => Value::object(object(members.into_vec(), first, span, scope), span),
        ("list", Data::Array(list)) => Value::list(list.into_iter().map(|v| apply(v, first, scope)), span),
        ("tuple", Data::Array(list)) => {
            let Expression::Array(kinds) = first else { return Value::list(list, span) };
            let typed = |(at, v): (usize, Value)| match kinds.get(at) {
                Some(kind) => apply(v, kind, scope),
                None => v,
            };
            Value::list(list.into_iter().enumerate().map(typed), span)
        }
        ("set", Data::Array(list)) => {
            let mut list: Vec<Value> = list.into_iter().map(|v| apply(v, first, scope)).collect();
            if list.iter().all(|v| v.as_text().is_some()) {
                list.sort_by(|a, b| a.as_text().map(Text::raw).cmp(&b.as_text().map(Text::raw)));
                list.dedup_by(|a, b| a.as_text().map(Text::raw) == b.as_text().map(Text::raw));
            }
            Value::list(list, span)
        }
        ("map", Data::Object(members)) => {
            let member = |m: Member| Member { value: apply(m.value.clone(), first, scope), ..m };
            Value::object(members.into_iter().map(member), span)
        }
        ("optional", data) => apply(Value::new(data, span), first, scope),
        (_, data) => Value::new(data, span),
    }
}

/// The attributes of the type: the given value converted, the default, or null.
fn object(members: Vec<Member>, constraint: &Expression, span: Span, scope: Scope<'_>) -> Vec<Member> {
    let Expression::Object(attributes) = constraint else { return members };
    let mut typed = Vec::new();
    for (key, kind) in attributes.iter() {
        let name = match key {
            ObjectKey::Ident(name) => name.value().to_string(),
            ObjectKey::Expression(Expression::Variable(name)) => name.value().to_string(),
            ObjectKey::Expression(Expression::String(name)) => name.value().to_string(),
            ObjectKey::Expression(_) => continue,
        };
        let given = members.iter().find(|m| m.key.raw() == name);
        let optional = match kind.expr() {
            Expression::FuncCall(call) if call.name.name.value().as_str() == "optional" => call.args.iter().nth(1),
            _ => None,
        };
        let absent = given.is_none_or(|m| matches!(m.value.data, Data::Null));
        let value = match (given, optional, absent) {
            (_, Some(default), true) => eval(default, scope),
            (Some(given), _, _) => given.value.clone(),
            (None, _, _) => Value::new(Data::Null, span),
        };
        let key_span = given.map_or(span, |m| m.key_span);
        typed.push(Member { key: Text::known(name), key_span, value: apply(value, kind.expr(), scope) });
    }
    typed
}
