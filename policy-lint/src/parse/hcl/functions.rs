//! Terraform's functions, as far as policies are made with them; any other is unknown.
use hcl_edit::expr::FuncCall;

use super::eval::{Env, Scope, eval, to_text};
use super::template;
use crate::parse::embedded;
use crate::source::Span;
use crate::value::{Data, Member, Pieces, Text, Value};

mod collections;
mod texts;

/// Largest list that a function may make.
const LONGEST: usize = 5_000;

/// Calls a function.
pub fn call(call: &FuncCall, span: Span, env: Env<'_>) -> Value {
    let name = call.name.name.value().as_str();
    if !call.name.namespace.is_empty() {
        return env.unknown(span);
    }
    if let "try" | "can" = name {
        return tried(name, call, span, env);
    }
    let mut arguments: Vec<Value> = call.args.iter().map(|a| eval(a, env)).collect();
    if call.args.expand_final() {
        match arguments.pop().map(|v| v.data) {
            Some(Data::Array(list)) => arguments.extend(list),
            _ => return env.unknown(span),
        }
    }
    let open = arguments.iter().any(|a| !a.choices().is_empty());
    let arguments = Value::list(arguments, span);
    // A choice inside a list stays there; only `flatten` looks into what is inside.
    if open || name == "flatten" {
        return env.each_way(&arguments, span, |way| apply(name, way.elements(), span, env));
    }
    apply(name, arguments.elements(), span, env).unwrap_or_else(|| env.unknown(span))
}

/// `try` gives the first value that does not fail. What leads nowhere fails, and is the expression as written;
/// anything else that is not known will have a value, so that what stands behind it is no answer.
fn tried(name: &str, call: &FuncCall, span: Span, env: Env<'_>) -> Value {
    let mut values = call.args.iter().map(|a| (eval(a, env), env.span(hcl_edit::Span::span(a))));
    if name == "can" {
        return match values.next() {
            Some((value, _)) if !value.is_unknown() => Value::new(Data::Bool(true), span),
            _ => env.unknown(span),
        };
    }
    let mut waiting: Option<Value> = None;
    for (value, place) in values {
        let hole = match &value.data {
            Data::Unknown(hole) if hole.choices.is_empty() => hole,
            _ => return waiting.unwrap_or(value),
        };
        let reference = hole.reference.as_deref();
        let better = waiting.is_none() || reference.is_some_and(|r| !r.contains("data."));
        if better && (reference.is_some() || hole.source != env.text_of(place)) {
            waiting = Some(value);
        }
    }
    waiting.unwrap_or_else(|| env.unknown(span))
}

fn apply(name: &str, arguments: &[Value], span: Span, env: Env<'_>) -> Option<Value> {
    let first = arguments.first();
    match (name, arguments) {
        ("jsonencode", [value]) => Some(Value::new(Data::Encoded(Box::new(value.clone())), value.span)),
        ("jsondecode", [value]) => decode(value),
        ("file", [path]) => file(path, env),
        ("templatefile", [path, variables]) => template_file(path, variables, env),
        ("sensitive" | "nonsensitive" | "ephemeralasnull", [value]) => Some(value.clone()),
        ("tostring", [value]) => match &value.data {
            Data::Unknown(_) | Data::Encoded(_) | Data::Null => Some(value.clone()),
            _ => Some(Value::new(Data::String(to_text(value)?), value.span)),
        },
        ("tonumber" | "tobool", [value]) => match (&value.data, value.as_str()) {
            (Data::Number(_) | Data::Bool(_) | Data::Null, _) => Some(value.clone()),
            (_, Some(text @ ("true" | "false"))) => Some(Value::new(Data::Bool(text == "true"), value.span)),
            (_, Some(text)) => Some(Value::new(super::eval::number(text.parse().ok()?), value.span)),
            _ => None,
        },
        ("coalesce", _) => {
            let absent = |v: &Value| matches!(v.data, Data::Null) || v.as_str() == Some("");
            let value = arguments.iter().find(|v| !absent(v))?;
            (!value.is_unknown()).then(|| value.clone())
        }
        ("basename" | "dirname" | "abspath" | "pathexpand", [_]) => texts::path(name, first?.as_str()?, span),
        ("max" | "min" | "abs" | "ceil" | "floor" | "parseint", _) => numbers(name, arguments, span),
        _ => collections::apply(name, arguments, span).or_else(|| texts::apply(name, arguments, span)),
    }
}

fn numbers(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let values = arguments.iter().map(|v| to_text(v)?.as_known()?.parse::<f64>().ok()).collect::<Option<Vec<_>>>()?;
    let first = *values.first()?;
    let value = match name {
        "max" => values.iter().copied().fold(first, f64::max),
        "min" => values.iter().copied().fold(first, f64::min),
        "abs" => first.abs(),
        "ceil" => first.ceil(),
        "floor" => first.floor(),
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

/// Reads a file of the tree: relative to where Terraform would run, or absolute through `path.module`.
fn read(path: &Value, env: Env<'_>) -> Option<(u32, String)> {
    let path = path.as_str()?;
    let here = std::path::Path::new(path);
    let relative = env.instance.root.join(here);
    let found = if here.is_file() { here.to_path_buf() } else { relative };
    let file = crate::source::read(&super::simplified(&found)).ok()?;
    let text = file.text.clone();
    Some((env.world.files.borrow_mut().add(file), text))
}

fn file(path: &Value, env: Env<'_>) -> Option<Value> {
    let (number, text) = read(path, env)?;
    let place = Span::new(number, 0, text.len());
    let origin = vec![crate::value::Segment { at: 0, span: place, exact: true }];
    Some(Value::new(Data::String(Text::with_origin(text, Vec::new(), origin)), place))
}

fn template_file(path: &Value, variables: &Value, env: Env<'_>) -> Option<Value> {
    let Data::Object(members) = &variables.data else { return None };
    let (number, text) = read(path, env)?;
    let template = text.parse::<hcl_edit::template::Template>().ok()?;
    let place = Span::new(number, 0, text.len());
    let env = Env { file: number, scope: None, ..env };
    fn bind(members: &[Member], env: Env<'_>, run: &dyn Fn(Env<'_>) -> Value) -> Value {
        match members.split_first() {
            None => run(env),
            Some((first, rest)) => {
                let scope = Scope { name: first.key.raw(), value: &first.value, parent: env.scope };
                bind(rest, env.bind(&scope), run)
            }
        }
    }
    if members.len() > 500 {
        return None;
    }
    Some(bind(members, env, &|env| template::file(&template, place, env)))
}

/// The text that is the JSON of a value, as Terraform writes it but for its escapes of `<`, `>` and `&`.
pub fn encode(value: &Value) -> Text {
    let mut text = Pieces::default();
    write(value, &mut text);
    text.placeless()
}

fn write(value: &Value, out: &mut Pieces) {
    let span = value.span;
    let put = |out: &mut Pieces, s: &str| out.put(s, span);
    match &value.data {
        Data::Null => put(out, "null"),
        Data::Bool(b) => put(out, if *b { "true" } else { "false" }),
        Data::Number(n) => put(out, n),
        Data::String(text) => {
            let quoted = serde_json::to_string(text.raw()).unwrap_or_default();
            out.push(&Text::with_origin(quoted, text.holes().to_vec(), Vec::new()), span);
        }
        Data::Encoded(inner) => {
            let text = encode(inner);
            let quoted = serde_json::to_string(text.raw()).unwrap_or_default();
            out.push(&Text::with_origin(quoted, text.holes().to_vec(), Vec::new()), span);
        }
        Data::Unknown(hole) => out.push(&Text::unknown((**hole).clone()), span),
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
                out.push(&Text::with_origin(format!("{key}:"), member.key.holes().to_vec(), Vec::new()), span);
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
            (a.is_known() && b.is_known()).then(|| a.raw() == b.raw())
        }
    }
}
