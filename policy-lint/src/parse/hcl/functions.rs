//! Terraform's functions, as far as policies are made with them; any other is unknown.
use hcl_edit::expr::FuncCall;

use super::eval::{Scope, eval, to_text};
use crate::parse::embedded;
use crate::pattern;
use crate::source::Span;
use crate::value::{Data, Text, TextBuilder, Value};

mod collections;
pub mod files;
mod formats;
mod patterns;
mod texts;
mod yaml;

/// Largest list that a function may make.
const MAX_LIST_LENGTH: usize = 5_000;

/// Calls a function.
pub fn call(call: &FuncCall, span: Span, scope: Scope<'_>) -> Value {
    let name = call.name.name.value().as_str();
    if let "try" | "can" = name {
        return tried(name, call, span, scope);
    }
    let mut arguments: Vec<Value> = call.args.iter().map(|a| eval(a, scope)).collect();
    if call.args.expand_final() {
        match arguments.pop().map(|v| v.data) {
            Some(Data::Array(list)) => arguments.extend(list),
            _ => return scope.unknown(span),
        }
    }
    if !call.name.namespace.is_empty() {
        return of_provider(name, &arguments, span).unwrap_or_else(|| scope.unknown(span));
    }
    let open = arguments.iter().any(|a| !a.candidates().is_empty());
    let arguments = Value::list(arguments, span);
    // A choice inside a list stays there; only `flatten` looks into what is inside.
    if open || name == "flatten" {
        return scope
            .map_alternatives(&arguments, span, |alternative| apply(name, alternative.elements(), span, scope));
    }
    apply(name, arguments.elements(), span, scope).unwrap_or_else(|| {
        if PARTIAL.contains(&name) && is_known(&arguments) { scope.fail(span) } else { scope.unknown(span) }
    })
}

/// Functions that have no value for some arguments, all of whose cases are known here.
const PARTIAL: &[&str] = &[
    "base64decode",
    "coalesce",
    "element",
    "file",
    "index",
    "jsondecode",
    "lookup",
    "one",
    "regex",
    "templatefile",
    "tobool",
    "tonumber",
    "tostring",
];

fn is_known(value: &Value) -> bool {
    match &value.data {
        Data::Unknown(_) => false,
        Data::String(text) => text.is_known(),
        Data::Encoded(inner) => is_known(inner),
        _ => {
            value.elements().iter().all(is_known)
                && value.members().iter().all(|m| m.key.is_known() && is_known(&m.value))
        }
    }
}

/// Functions of the provider `aws`.
fn of_provider(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let text = |t: &str| Value::new(Data::String(Text::known(t)), span);
    match (name, arguments) {
        ("arn_build", [_, _, _, _, _]) => {
            let parts = std::iter::once(text("arn")).chain(arguments.iter().cloned());
            texts::apply("join", &[text(":"), Value::list(parts, span)], span)
        }
        ("arn_parse", [arn]) => {
            let names = ["partition", "service", "region", "account_id", "resource"].map(text).to_vec();
            let parts: Vec<Value> = arn.as_str()?.splitn(6, ':').skip(1).map(text).collect();
            let whole = |values| Value::list(values, span);
            (parts.len() == 5).then(|| collections::apply("zipmap", &[whole(names), whole(parts)], span))?
        }
        _ => None,
    }
}

/// `try` gives the first value that does not fail. What is not known may fail, so that the next may be it too; only
/// what a resource or a data source will tell does not.
fn tried(name: &str, call: &FuncCall, span: Span, scope: Scope<'_>) -> Value {
    let mut values = call.args.iter().map(|a| scope.context.attempt(|| eval(a, scope)));
    if name == "can" {
        return match values.next() {
            Some((_, true)) => Value::new(Data::Bool(false), span),
            Some((value, _)) if !value.is_unknown() => Value::new(Data::Bool(true), span),
            _ => scope.unknown(span),
        };
    }
    let (mut told, mut possible): (Option<Value>, Vec<Value>) = (None, Vec::new());
    for (value, _) in values.filter(|(_, failed)| !failed) {
        let reference = match &value.data {
            Data::Unknown(unknown) if unknown.candidates.is_empty() => Some(unknown.reference.clone()),
            _ => None,
        };
        match reference {
            Some(None) => possible.push(value),
            Some(Some(reference)) if told.is_none() || !reference.contains("data.") => told = Some(value),
            Some(Some(_)) => {}
            None => {
                possible.push(value);
                break;
            }
        }
    }
    match told {
        Some(told) => told,
        None if possible.is_empty() => scope.fail(span),
        None => any_of(possible, scope.text_of(span), span),
    }
}

fn apply(name: &str, arguments: &[Value], span: Span, scope: Scope<'_>) -> Option<Value> {
    let first = arguments.first();
    match (name, arguments) {
        ("jsonencode", [value]) => Some(Value::new(Data::Encoded(Box::new(value.clone())), value.span)),
        ("jsondecode", [value]) => decode(value),
        ("yamldecode", [value]) => yaml::decode(&to_text(value)?, value.span),
        ("yamlencode", [value]) => Some(Value::new(Data::Encoded(Box::new(value.clone())), value.span)),
        ("sensitive" | "nonsensitive" | "ephemeralasnull", [value]) => Some(value.clone()),
        ("tostring", [value]) => match &value.data {
            Data::Unknown(_) | Data::Encoded(_) | Data::Null => Some(value.clone()),
            _ => Some(Value::new(Data::String(to_text(value)?), value.span)),
        },
        ("tonumber" | "tobool", [value]) => match (&value.data, value.as_str()) {
            (Data::Number(_) | Data::Bool(_) | Data::Null, _) => Some(value.clone()),
            (_, Some(text @ ("true" | "false"))) => Some(Value::new(Data::Bool(text == "true"), value.span)),
            (_, Some(text)) if name == "tonumber" => {
                Some(Value::new(super::eval::number(text.parse().ok()?), value.span))
            }
            _ => None,
        },
        ("coalesce", _) => {
            let absent = |v: &Value| matches!(v.data, Data::Null) || v.as_str() == Some("");
            first_of(arguments, absent, span)
        }
        ("basename" | "dirname" | "abspath" | "pathexpand", [_]) => texts::path(name, first?.as_str()?, span),
        ("sum", [list]) => numbers(name, list.elements(), span),
        ("max" | "min" | "abs" | "ceil" | "floor" | "pow" | "log" | "signum" | "parseint", _) => {
            numbers(name, arguments, span)
        }
        _ => collections::apply(name, arguments, span)
            .or_else(|| texts::apply(name, arguments, span))
            .or_else(|| patterns::apply(name, arguments, span))
            .or_else(|| files::apply(name, arguments, span, scope)),
    }
}

fn numbers(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    if let ("parseint", [text, base]) = (name, arguments) {
        let base = to_text(base)?.as_known()?.parse().ok().filter(|b| (2..=36).contains(b))?;
        let number = i64::from_str_radix(to_text(text)?.as_known()?, base).ok()?;
        return Some(Value::new(Data::Number(number.to_string().into()), span));
    }
    let values = arguments.iter().map(|v| to_text(v)?.as_known()?.parse::<f64>().ok()).collect::<Option<Vec<_>>>()?;
    let (first, second) = (*values.first()?, values.get(1).copied());
    let value = match name {
        "max" => values.iter().copied().fold(first, f64::max),
        "min" => values.iter().copied().fold(first, f64::min),
        "abs" => first.abs(),
        "ceil" => first.ceil(),
        "floor" => first.floor(),
        "sum" => values.iter().sum(),
        "pow" => first.powf(second?),
        "log" => first.ln() / second?.ln(),
        "signum" => {
            if first == 0.0 {
                0.0
            } else {
                first.signum()
            }
        }
        _ => return None,
    };
    Some(Value::new(super::eval::number(value), span))
}

fn decode(value: &Value) -> Option<Value> {
    match &value.data {
        Data::Encoded(inner) => Some(inner.as_ref().clone()),
        Data::String(text) => embedded::parse(text, value.span).ok(),
        _ => None,
    }
}

/// One of several values, each once; the one where they are all the same.
pub fn any_of(values: Vec<Value>, source: String, span: Span) -> Value {
    let mut different: Vec<Value> = Vec::new();
    for value in values {
        if !different.iter().any(|d| equal(d, &value) == Some(true)) {
            different.push(value);
        }
    }
    match different.len() {
        1 => different.swap_remove(0),
        _ => Value::one_of(different, source, span),
    }
}

/// The first value that is not absent: one of several, where some of them may be. An attribute of a resource is there.
fn first_of(values: &[Value], absent: impl Fn(&Value) -> bool, span: Span) -> Option<Value> {
    let mut possible: Vec<Value> = Vec::new();
    for value in values {
        let Data::Unknown(unknown) = &value.data else {
            if absent(value) {
                continue;
            }
            possible.push(value.clone());
            break;
        };
        possible.push(value.clone());
        if unknown.reference.is_some() {
            break;
        }
    }
    let source = to_text(possible.first()?).map(|t| t.to_string()).unwrap_or_default();
    Some(any_of(possible, source, span))
}

/// The text that is the JSON of a value, as Terraform writes it but for its escapes of `<`, `>` and `&`.
pub fn encode(value: &Value) -> Text {
    let mut text = TextBuilder::default();
    write(value, &mut text);
    text.finish_without_origin()
}

fn write(value: &Value, out: &mut TextBuilder) {
    let span = value.span;
    let put = |out: &mut TextBuilder, s: &str| out.put(s, span);
    match &value.data {
        Data::Null => put(out, "null"),
        Data::Bool(b) => put(out, if *b { "true" } else { "false" }),
        Data::Number(n) => put(out, n),
        Data::String(text) => {
            let quoted = serde_json::to_string(text.raw()).unwrap_or_default();
            out.push(&Text::with_origin(quoted, text.unknowns().to_vec(), Vec::new()), span);
        }
        Data::Encoded(inner) => {
            let text = encode(inner);
            let quoted = serde_json::to_string(text.raw()).unwrap_or_default();
            out.push(&Text::with_origin(quoted, text.unknowns().to_vec(), Vec::new()), span);
        }
        Data::Unknown(unknown) => out.push(&Text::unknown((**unknown).clone()), span),
        Data::Array(list) => {
            put(out, "[");
            for (i, element) in list.iter().enumerate() {
                if i > 0 {
                    put(out, ",");
                }
                write(element, out);
            }
            put(out, "]");
        }
        Data::Object(members) => {
            put(out, "{");
            for (i, member) in members.iter().enumerate() {
                if i > 0 {
                    put(out, ",");
                }
                let key = serde_json::to_string(member.key.raw()).unwrap_or_default();
                out.push(&Text::with_origin(format!("{key}:"), member.key.unknowns().to_vec(), Vec::new()), span);
                write(&member.value, out);
            }
            put(out, "}");
        }
    }
}

/// Whether two values are the same; `None` when that is not known.
pub fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (&a.data, &b.data) {
        (Data::Unknown(_), _) | (_, Data::Unknown(_)) => None,
        (Data::Null, Data::Null) => Some(true),
        (Data::Null, _) | (_, Data::Null) => Some(false),
        (Data::Array(x), Data::Array(y)) => {
            if x.len() != y.len() {
                return Some(false);
            }
            x.iter().zip(y).try_fold(true, |same, (a, b)| Some(same && equal(a, b)?))
        }
        (Data::Object(x), Data::Object(_)) => {
            if x.len() != b.members().len() {
                return Some(false);
            }
            x.iter().try_fold(true, |same, m| match b.get(m.key.raw()) {
                Some(other) => Some(same && equal(&m.value, other)?),
                None => Some(false),
            })
        }
        (Data::Array(_) | Data::Object(_), _) | (_, Data::Array(_) | Data::Object(_)) => Some(false),
        _ => {
            let (a, b) = (to_text(a)?, to_text(b)?);
            if a.is_known() && b.is_known() {
                return Some(a.raw() == b.raw());
            }
            (!pattern::overlaps(a.raw(), b.raw())).then_some(false)
        }
    }
}
