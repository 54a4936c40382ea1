//! Terraform's functions over values, as far as policies are made with them; the result of any other is unknown.
use source_text::{Data, Span, Text, Value, embedded_json};

use crate::values::{first_of, number, to_text};

mod collections;
mod formats;
mod numbers;
mod patterns;
mod texts;
mod yaml;

/// Applies a function of the language; `None` if it is not one of these or its result is unknown.
pub(crate) fn apply(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
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
            (_, Some(text)) if name == "tonumber" => Some(Value::new(number(text.parse().ok()?), value.span)),
            _ => None,
        },
        ("coalesce", _) => {
            let absent = |v: &Value| matches!(v.data, Data::Null) || v.as_str() == Some("");
            first_of(arguments, absent, span)
        }
        ("basename" | "dirname" | "abspath" | "pathexpand", [_]) => texts::path(name, first?.as_str()?, span),
        ("sum", [list]) => numbers::apply(name, list.elements(), span),
        ("max" | "min" | "abs" | "ceil" | "floor" | "pow" | "log" | "signum" | "parseint", _) => {
            numbers::apply(name, arguments, span)
        }
        _ => collections::apply(name, arguments, span)
            .or_else(|| texts::apply(name, arguments, span))
            .or_else(|| patterns::apply(name, arguments, span)),
    }
}

fn decode(value: &Value) -> Option<Value> {
    match &value.data {
        Data::Encoded(inner) => Some(inner.as_ref().clone()),
        Data::String(text) => embedded_json::parse(text, value.span).ok(),
        _ => None,
    }
}

/// Applies a function of the provider `aws`.
pub(crate) fn apply_provider_function(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
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

/// The base64 encoding of a text, where it is known.
pub(crate) fn base64(text: &Value, span: Span) -> Option<Value> {
    texts::apply("base64encode", std::slice::from_ref(text), span)
}
