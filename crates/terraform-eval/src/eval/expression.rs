//! Expressions to values. A value that cannot be known names the expression it comes from.
use hcl_edit::Span as _;
use hcl_edit::expr::{BinaryOperator, Conditional, Expression, ForExpr, ObjectKey, UnaryOperator};
use source_text::{Data, Member, Span, Text, Value};

use super::{call, reference, template};
use crate::member_groups::{MemberGroup, insert};
use crate::scope::{Binding, Scope};
use crate::syntax::{Attribute, Source};
use crate::values::{cost, entries, equal, number, to_text, truth, unknown_entry};

/// Evaluates an attribute in the file it stands in.
pub(crate) fn attribute(attribute: &Attribute, scope: Scope<'_>) -> Value {
    let scope = Scope { file: attribute.key_span.file, ..scope };
    match &attribute.source {
        Source::Hcl(expression) => eval(expression, scope),
        Source::Json(value) => json(value, scope),
    }
}

/// JSON of a `.tf.json` file: its texts are templates.
fn json(value: &Value, scope: Scope<'_>) -> Value {
    let data = match &value.data {
        Data::String(text) if text.raw().contains("${") || text.raw().contains("%{") => {
            return template::from_text(text.raw(), value.span, scope);
        }
        Data::Array(list) => Data::Array(list.iter().map(|v| json(v, scope)).collect()),
        Data::Object(members) => {
            let member = |m: &Member| Member { value: json(&m.value, scope), ..m.clone() };
            Data::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    };
    Value::new(data, value.span)
}

/// Evaluates an expression.
pub(crate) fn eval(expression: &Expression, scope: Scope<'_>) -> Value {
    let span = scope.span(expression.span());
    if !scope.context.enter() {
        return scope.unknown(span);
    }
    let value = step(expression, span, scope);
    scope.context.leave();
    value
}

fn step(expression: &Expression, span: Span, scope: Scope<'_>) -> Value {
    let data = match expression {
        Expression::Null(_) => Data::Null,
        Expression::Bool(b) => Data::Bool(*b.value()),
        Expression::Number(n) => Data::Number(n.value().to_string().into()),
        Expression::String(s) => Data::String(Text::known(s.value().as_str())),
        Expression::Array(list) => Data::Array(list.iter().map(|e| eval(e, scope)).collect()),
        Expression::Object(object) => return self::object(object, span, scope),
        Expression::StringTemplate(t) => return template::quoted(t, span, scope),
        Expression::HeredocTemplate(t) => return template::heredoc(t, span, scope),
        Expression::Parenthesis(inner) => return eval(inner.inner(), scope),
        Expression::Variable(_) | Expression::Traversal(_) => {
            return reference::eval_reference(expression, span, scope);
        }
        Expression::Conditional(c) => return conditional(c, span, scope),
        Expression::FuncCall(call) => return call::call(call, span, scope),
        Expression::UnaryOp(op) => {
            let value = eval(&op.expr, scope);
            match (op.operator.value(), truth(&value), &value.data) {
                (UnaryOperator::Not, Some(truth), _) => Data::Bool(!truth),
                (UnaryOperator::Neg, _, Data::Number(n)) => number(-n.parse::<f64>().unwrap_or(0.0)),
                _ => return scope.unknown(span),
            }
        }
        Expression::BinaryOp(op) => {
            let sides = Value::list([eval(&op.lhs_expr, scope), eval(&op.rhs_expr, scope)], span);
            return scope.map_alternatives(&sides, span, |sides| match sides.elements() {
                [left, right] => binary(*op.operator.value(), left, right).map(|data| Value::new(data, span)),
                _ => None,
            });
        }
        Expression::ForExpr(expression) => return for_expression(expression, span, scope),
    };
    Value::new(data, span)
}

/// Where the test is not known, the value is one of both.
fn conditional(conditional: &Conditional, span: Span, scope: Scope<'_>) -> Value {
    let test = eval(&conditional.cond_expr, scope);
    match (truth(&test), test.is_unknown()) {
        (Some(true), _) => eval(&conditional.true_expr, scope),
        (Some(false), _) => eval(&conditional.false_expr, scope),
        (None, true) => {
            let branch = |e: &Expression| scope.context.attempt(|| eval(e, scope)).0;
            let (yes, no) = (branch(&conditional.true_expr), branch(&conditional.false_expr));
            if equal(&yes, &no) == Some(true) {
                return yes;
            }
            if scope.context.consume_budget(cost(&yes) + cost(&no)) {
                Value::one_of(vec![yes, no], scope.text_of(span), span)
            } else {
                scope.unknown(span)
            }
        }
        (None, false) => scope.unknown(span),
    }
}

fn binary(operator: BinaryOperator, left: &Value, right: &Value) -> Option<Data> {
    use BinaryOperator as Op;
    if let Op::And | Op::Or = operator {
        let short = Data::Bool(operator == Op::Or);
        return match (truth(left), truth(right)) {
            (Some(a), Some(b)) => Some(Data::Bool(if operator == Op::And { a && b } else { a || b })),
            (Some(a), _) | (_, Some(a)) if a == (operator == Op::Or) => Some(short),
            _ => None,
        };
    }
    if let Op::Eq | Op::NotEq = operator {
        // A number, a text and a truth are never the same.
        let sort = |v: &Value| match v.data {
            Data::Number(_) => 1,
            Data::Bool(_) => 2,
            Data::String(_) | Data::Encoded(_) => 3,
            _ => 0,
        };
        let same = match (sort(left), sort(right)) {
            (a, b) if a != 0 && b != 0 && a != b => Some(false),
            _ => equal(left, right),
        };
        return same.map(|same| Data::Bool(same == (operator == Op::Eq)));
    }
    let value = |v: &Value| match &v.data {
        Data::Number(n) => n.parse::<f64>().ok(),
        Data::String(t) => t.as_known().and_then(|t| t.parse::<f64>().ok()),
        _ => None,
    };
    let (a, b) = (value(left)?, value(right)?);
    Some(match operator {
        Op::Less => Data::Bool(a < b),
        Op::LessEq => Data::Bool(a <= b),
        Op::Greater => Data::Bool(a > b),
        Op::GreaterEq => Data::Bool(a >= b),
        Op::Plus => number(a + b),
        Op::Minus => number(a - b),
        Op::Mul => number(a * b),
        Op::Div if b != 0.0 => number(a / b),
        Op::Mod if b != 0.0 => number(a % b),
        _ => return None,
    })
}

fn object(object: &hcl_edit::expr::Object, span: Span, scope: Scope<'_>) -> Value {
    let mut members = Vec::new();
    for (key, value) in object.iter() {
        let (text, key_span) = match key {
            ObjectKey::Ident(name) => (Text::known(name.value().as_str()), scope.span(name.span())),
            ObjectKey::Expression(Expression::Variable(name)) => {
                (Text::known(name.value().as_str()), scope.span(name.span()))
            }
            ObjectKey::Expression(expression) => {
                let key = eval(expression, scope);
                match to_text(&key) {
                    Some(text) => (text, key.span),
                    None => return scope.unknown(span),
                }
            }
        };
        members.push(Member { key: text, key_span, value: eval(value.expr(), scope) });
    }
    Value::object(members, span)
}

fn for_expression(expression: &ForExpr, span: Span, scope: Scope<'_>) -> Value {
    let collection = eval(&expression.intro.collection_expr, scope);
    if collection.candidates().is_empty() {
        return for_each_of(&collection, expression, span, scope);
    }
    scope.map_alternatives(&collection, span, |c| Some(for_each_of(c, expression, span, scope)))
}

/// The result; where the condition is a choice, so is the result, and both go the same way.
fn for_each_of(collection: &Value, expression: &ForExpr, span: Span, scope: Scope<'_>) -> Value {
    let mut alternatives = 1;
    let first = for_in_alternative(0, collection, expression, span, scope, &mut alternatives);
    if alternatives == 1 {
        return first;
    }
    let mut others = 1;
    let rest = (1..alternatives)
        .map(|alternative| for_in_alternative(alternative, collection, expression, span, scope, &mut others));
    Value::one_of(std::iter::once(first).chain(rest).collect(), scope.text_of(span), span)
}

/// The result in one way of the condition; `ways` gets how many it has.
fn for_in_alternative(
    alternative: usize,
    collection: &Value,
    expression: &ForExpr,
    span: Span,
    scope: Scope<'_>,
    alternatives: &mut usize,
) -> Value {
    let known = entries(collection);
    let complete = known.is_some();
    let value_name = expression.intro.value_var.value().as_str();
    let entries = known.unwrap_or_else(|| vec![unknown_entry(collection, span, value_name)]);
    let (mut list, mut groups, mut certain): (Vec<Value>, Vec<MemberGroup>, Vec<MemberGroup>) = <_>::default();
    let mut open = !complete;
    for (key, value) in entries {
        let key_name = expression.intro.key_var.as_ref().map(|k| k.value().as_str());
        let outer = Binding { name: key_name.unwrap_or("\u{0}"), value: &key, parent: scope.bindings };
        let inner = Binding { name: value_name, value: &value, parent: Some(&outer) };
        let scope = scope.bind(&inner);
        let (mut sure, mut chosen) = (complete, false);
        if let Some(condition) = &expression.cond {
            let condition = eval(&condition.expr, scope);
            chosen = condition.alternatives() > 1;
            *alternatives = condition.alternatives().max(*alternatives);
            match truth(&condition.alternative(alternative)) {
                Some(true) => {}
                Some(false) => continue,
                None => sure = false,
            }
        }
        open |= !sure;
        let element = eval(&expression.value_expr, scope);
        let element = if chosen { element.alternative(alternative) } else { element };
        match &expression.key_expr {
            None => list.push(element),
            Some(key) => {
                let key = eval(key, scope);
                let Some(text) = to_text(&key) else { return scope.unknown(span) };
                let next = MemberGroup { key: text, span: key.span, values: vec![element] };
                if sure {
                    insert(&mut certain, next.clone(), expression.grouping);
                }
                insert(&mut groups, next, expression.grouping);
            }
        }
    }
    if expression.key_expr.is_some() {
        let member = |k: MemberGroup| k.member(expression.grouping);
        let object = |groups: Vec<MemberGroup>| Value::object(groups.into_iter().filter_map(member), span);
        return match (open, complete) {
            (false, _) => object(groups),
            (true, true) => Value::one_of(vec![object(groups), object(certain)], scope.text_of(span), span),
            (true, false) => Value::one_of(vec![object(groups), scope.unknown(span)], scope.text_of(span), span),
        };
    }
    if open {
        list.push(scope.unknown(span));
    }
    Value::list(list, span)
}
