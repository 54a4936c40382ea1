//! `count` and `for_each`: how many instances a block has, and what `each` and `count` are in one.
use source_text::{Data, Member, Span, Text, Unknown, Value};

use super::expression::attribute;
use crate::scope::{Binding, Scope};
use crate::syntax::Block;
use crate::values::{each_entries, to_text};

/// Instances of a block that are evaluated; further ones are ignored.
pub(super) const MAX_BLOCK_INSTANCES: usize = 256;

/// The instances of a block.
pub(crate) enum Keys {
    /// One, without `count` or `for_each`.
    One,
    /// An unknown number.
    UnknownCount {
        /// What `each` is in every instance.
        each: Value,
        /// What `count` is in every instance.
        count: Value,
    },
    /// One per key.
    Many(Vec<(Value, Value)>),
}

/// Evaluates `count` or `for_each` of a block.
pub(crate) fn keys(block: &Block, scope: Scope<'_>) -> Keys {
    let scope = Scope { bindings: None, ..scope };
    if let Some(source) = block.body.attribute("for_each") {
        let value = attribute(source, scope);
        return match all_entries(&value) {
            Some(mut entries) => {
                entries.truncate(MAX_BLOCK_INSTANCES);
                Keys::Many(entries)
            }
            None => Keys::UnknownCount {
                each: each(&open(&value, "each.key"), &open(&value, "each.value")),
                count: count(value.span),
            },
        };
    }
    if let Some(source) = block.body.attribute("count") {
        let value = attribute(source, scope);
        let many = match &value.data {
            Data::Number(n) => n.parse::<f64>().ok(),
            Data::String(text) => text.as_known().and_then(|t| t.parse().ok()),
            _ => None,
        };
        return match many {
            Some(many) => {
                let number = |i: usize| Value::new(Data::Number(i.to_string().into()), value.span);
                Keys::Many((0..(many as usize).min(MAX_BLOCK_INSTANCES)).map(|i| (number(i), number(i))).collect())
            }
            None => Keys::UnknownCount { each: each(&value, &value), count: count(value.span) },
        };
    }
    Keys::One
}

/// The entries of a `for_each`. If it is one of several collections: the entries of all of them, and one that represents
/// the entries of unknown ones.
fn all_entries(value: &Value) -> Option<Vec<(Value, Value)>> {
    if value.candidates().is_empty() {
        return each_entries(value);
    }
    let mut all: Vec<(Value, Value)> = Vec::new();
    for candidate in value.candidates().iter().filter(|c| !matches!(c.data, Data::Null)) {
        let raw = |key: &Value| to_text(key).map(|t| t.raw().to_owned());
        let more = match each_entries(candidate) {
            Some(more) => more,
            None if all.iter().any(|(key, _)| to_text(key).is_some_and(|k| !k.is_known())) => Vec::new(),
            None => vec![(open(candidate, "each.key"), open(candidate, "each.value"))],
        };
        let new: Vec<_> = more.into_iter().filter(|(key, _)| !all.iter().any(|(k, _)| raw(k) == raw(key))).collect();
        all.extend(new);
    }
    Some(all)
}

pub(super) fn open(collection: &Value, name: &str) -> Value {
    let source = match &collection.data {
        Data::Unknown(unknown) => format!("{name} of {}", unknown.source),
        _ => name.to_owned(),
    };
    Value::unknown(Unknown::plain(source), collection.span)
}

fn object(members: Vec<(&str, Value)>, span: Span) -> Value {
    let member = |(key, value)| Member { key: Text::known(key), key_span: span, value };
    Value::object(members.into_iter().map(member), span)
}

pub(super) fn each(key: &Value, value: &Value) -> Value {
    object(vec![("key", key.clone()), ("value", value.clone())], key.span)
}

fn count(span: Span) -> Value {
    object(vec![("index", Value::unknown(Unknown::plain("count.index"), span))], span)
}

/// Runs with `each` and `count` bound to values that represent every instance.
pub(crate) fn with_each<T>(each: &Value, count: &Value, scope: Scope<'_>, run: impl FnOnce(Scope<'_>) -> T) -> T {
    let outer = Binding { name: "each", value: each, parent: scope.bindings };
    let inner = Binding { name: "count", value: count, parent: Some(&outer) };
    run(scope.bind(&inner))
}

/// What `each` or `count` is for one key.
pub(super) fn bound_to_key(key: &Value, value: &Value, numbered: bool) -> (&'static str, Value) {
    if numbered { ("count", object(vec![("index", key.clone())], key.span)) } else { ("each", each(key, value)) }
}

/// Runs with `each` or `count` bound for one key.
pub(crate) fn with_key<T>(
    key: &Value,
    value: &Value,
    numbered: bool,
    scope: Scope<'_>,
    run: impl FnOnce(Scope<'_>) -> T,
) -> T {
    let (name, bound) = bound_to_key(key, value, numbered);
    run(scope.bind(&Binding { name, value: &bound, parent: scope.bindings }))
}

/// `each` and `count` for a block without instances: both are unknown.
pub(crate) fn absent(block: &Block) -> (Value, Value) {
    let unknown = |what: &str| Value::unknown(Unknown::plain(what), block.head);
    (each(&unknown("each.key"), &unknown("each.value")), object(vec![("index", unknown("count.index"))], block.head))
}

/// The span of `count` or `for_each`.
pub(crate) fn repetition(block: &Block) -> Span {
    let attribute = block.body.attribute("for_each").or_else(|| block.body.attribute("count"));
    attribute.map_or(block.head, |a| a.key_span)
}

/// Runs with `each` or `count` bound for the instance with a key.
pub(super) fn for_key<T>(block: &Block, key: Option<&Value>, scope: Scope<'_>, run: impl FnOnce(Scope<'_>) -> T) -> T {
    let scope = Scope { bindings: None, ..scope };
    let same = |a: &Value, b: &Value| match (to_text(a), to_text(b)) {
        (Some(a), Some(b)) => a.raw() == b.raw(),
        _ => false,
    };
    match keys(block, scope) {
        Keys::One => run(scope),
        Keys::UnknownCount { each, count } => with_each(&each, &count, scope, run),
        Keys::Many(entries) => {
            let numbered = block.body.attribute("count").is_some();
            let found = key.and_then(|key| entries.iter().find(|(k, _)| same(k, key))).or(entries.first());
            match found {
                Some((key, value)) => with_key(key, value, numbered, scope, run),
                None => run(scope),
            }
        }
    }
}
