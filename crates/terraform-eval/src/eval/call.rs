//! Calls of functions. `try` and `can` evaluate their arguments themselves; file functions read from the module.
use hcl_edit::expr::FuncCall;
use source_text::{Data, Span, Value};

use super::expression::eval;
use super::files;
use crate::functions::{self, apply_provider_function};
use crate::scope::Scope;
use crate::values::{any_of, is_known};

/// Calls a function.
pub(crate) fn call(call: &FuncCall, span: Span, scope: Scope<'_>) -> Value {
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
        return apply_provider_function(name, &arguments, span).unwrap_or_else(|| scope.unknown(span));
    }
    let open = arguments.iter().any(|a| !a.candidates().is_empty());
    let arguments = Value::list(arguments, span);
    // Candidates inside a list stay there; only `flatten` depends on what is inside.
    if open || name == "flatten" {
        return scope
            .map_alternatives(&arguments, span, |alternative| apply(name, alternative.elements(), span, scope));
    }
    apply(name, arguments.elements(), span, scope).unwrap_or_else(|| {
        if PARTIAL.contains(&name) && is_known(&arguments) { scope.fail(span) } else { scope.unknown(span) }
    })
}

/// Functions that fail for some arguments. For known arguments, they have no result here only if they fail.
const PARTIAL: &[&str] = &[
    "base64decode",
    "coalesce",
    "element",
    "file",
    "index",
    "jsondecode",
    "keys",
    "lookup",
    "one",
    "regex",
    "templatefile",
    "tobool",
    "tonumber",
    "tostring",
    "values",
];

/// `try` has the first value that does not fail. An unknown value may fail, so that the next value is possible too,
/// unless it is an attribute of a resource or data source.
fn tried(name: &str, call: &FuncCall, span: Span, scope: Scope<'_>) -> Value {
    let mut values = call.args.iter().map(|a| scope.context.attempt(|| eval(a, scope)));
    if name == "can" {
        return match values.next() {
            Some((_, true)) => Value::new(Data::Bool(false), span),
            Some((value, _)) if !value.is_unknown() => Value::new(Data::Bool(true), span),
            _ => scope.unknown(span),
        };
    }
    let (mut attribute, mut possible): (Option<Value>, Vec<Value>) = (None, Vec::new());
    for (value, _) in values.filter(|(_, failed)| !failed) {
        let reference = match &value.data {
            Data::Unknown(unknown) if unknown.candidates.is_empty() => Some(unknown.reference.clone()),
            _ => None,
        };
        match reference {
            Some(None) => possible.push(value),
            Some(Some(reference)) if attribute.is_none() || !reference.contains("data.") => attribute = Some(value),
            Some(Some(_)) => {}
            None => {
                possible.push(value);
                break;
            }
        }
    }
    match attribute {
        Some(attribute) => attribute,
        None if possible.is_empty() => scope.fail(span),
        None => any_of(possible, scope.text_of(span), span),
    }
}

fn apply(name: &str, arguments: &[Value], span: Span, scope: Scope<'_>) -> Option<Value> {
    functions::apply(name, arguments, span).or_else(|| files::apply(name, arguments, span, scope))
}
