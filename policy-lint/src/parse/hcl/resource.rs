//! Bodies of `resource` and `data` blocks: repeated, with `dynamic` blocks unrolled, to values.
use super::eval::{Binding, Scope, attribute, entries, to_text};
use super::reference::each_entries;
use super::tree::{Block, Body};
use crate::parse::document;
use crate::source::Span;
use crate::value::{Data, Member, Text, Unknown, Value};

/// Most instances of one block that are looked at.
const MAX_BLOCK_INSTANCES: usize = 256;

/// How often a block stands for something.
pub enum Keys {
    /// Once, without `count` or `for_each`.
    One,
    /// As often as an unknown value says: what `each` and `count` are then.
    Open(Value, Value),
    /// Once per key.
    Many(Vec<(Value, Value)>),
}

/// Evaluates `count` or `for_each` of a block.
pub fn keys(block: &Block, scope: Scope<'_>) -> Keys {
    let scope = Scope { bindings: None, ..scope };
    if let Some(source) = block.body.attribute("for_each") {
        let value = attribute(source, scope);
        return match all_entries(&value) {
            Some(mut entries) => {
                entries.truncate(MAX_BLOCK_INSTANCES);
                Keys::Many(entries)
            }
            None => Keys::Open(each(&open(&value, "each.key"), &open(&value, "each.value")), count(value.span)),
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
            None => Keys::Open(each(&value, &value), count(value.span)),
        };
    }
    Keys::One
}

/// The entries of a `for_each`; where it is one of several collections, of all of them, and one for whatever is in
/// those that are not known.
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

fn open(collection: &Value, name: &str) -> Value {
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

fn each(key: &Value, value: &Value) -> Value {
    object(vec![("key", key.clone()), ("value", value.clone())], key.span)
}

fn count(span: Span) -> Value {
    object(vec![("index", Value::unknown(Unknown::plain("count.index"), span))], span)
}

/// Runs with `each` and `count` bound to what stands for all of an unknown collection.
pub fn with_each<T>(each: &Value, count: &Value, scope: Scope<'_>, run: impl FnOnce(Scope<'_>) -> T) -> T {
    let outer = Binding { name: "each", value: each, parent: scope.bindings };
    let inner = Binding { name: "count", value: count, parent: Some(&outer) };
    run(scope.bind(&inner))
}

/// Runs with `each` or `count` bound for one key.
pub fn with_key<T>(
    key: &Value,
    value: &Value,
    numbered: bool,
    scope: Scope<'_>,
    run: impl FnOnce(Scope<'_>) -> T,
) -> T {
    let bound = if numbered { object(vec![("index", key.clone())], key.span) } else { each(key, value) };
    let binding = Binding { name: if numbered { "count" } else { "each" }, value: &bound, parent: scope.bindings };
    run(scope.bind(&binding))
}

/// What stands for `each` and `count` where there is no instance: nothing is known of them.
pub fn absent(block: &Block) -> (Value, Value) {
    let unknown = |what: &str| Value::unknown(Unknown::plain(what), block.head);
    (each(&unknown("each.key"), &unknown("each.value")), object(vec![("index", unknown("count.index"))], block.head))
}

/// Where a block says how often it stands for something.
pub fn repetition(block: &Block) -> Span {
    let attribute = block.body.attribute("for_each").or_else(|| block.body.attribute("count"));
    attribute.map_or(block.head, |a| a.key_span)
}

/// Runs with what belongs to the instance of a block that `key` names.
fn for_key<T>(block: &Block, key: Option<&Value>, scope: Scope<'_>, run: impl FnOnce(Scope<'_>) -> T) -> T {
    let scope = Scope { bindings: None, ..scope };
    let same = |a: &Value, b: &Value| match (to_text(a), to_text(b)) {
        (Some(a), Some(b)) => a.raw() == b.raw(),
        _ => false,
    };
    match keys(block, scope) {
        Keys::One => run(scope),
        Keys::Open(each, count) => with_each(&each, &count, scope, run),
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

/// Attributes that AWS fills with another attribute's value.
const ALIASES: &[(&str, &str, &str)] = &[
    ("aws_iam_group", "id", "name"),
    ("aws_iam_instance_profile", "id", "name"),
    ("aws_iam_role", "id", "name"),
    ("aws_iam_user", "id", "name"),
    ("aws_s3_bucket", "id", "bucket"),
    ("aws_dynamodb_table", "id", "name"),
    ("terraform_data", "output", "input"),
];

/// The value of an attribute as the block configures it; `None` when only AWS will tell.
pub fn configured(block: &Block, name: &str, key: Option<&Value>, scope: Scope<'_>) -> Option<Value> {
    let kind = block.labels.first().map_or("", String::as_str);
    let alias = ALIASES.iter().find(|(k, from, _)| *k == kind && *from == name).map_or(name, |(_, _, to)| to);
    let source = block.body.attribute(alias)?;
    let one = |key: Option<&Value>| for_key(block, key, scope, |scope| attribute(source, scope));
    let value = match keys(block, scope) {
        Keys::Many(all) if key.and_then(to_text).is_some_and(|k| !k.is_known()) && all.len() > 1 => {
            let any = all.iter().map(|(key, _)| one(Some(key))).collect();
            super::functions::any_of(any, scope.text_of(source.key_span), source.key_span)
        }
        _ => one(key),
    };
    (!matches!(value.data, Data::Null)).then_some(value)
}

/// The policy of an `aws_iam_policy_document`, with the documents it starts from and those that override it.
pub fn document(block: &Block, key: Option<&Value>, scope: Scope<'_>) -> Value {
    for_key(block, key, scope, |scope| document_here(block, scope))
}

/// The same where `each` and `count` are bound already.
pub fn document_here(block: &Block, scope: Scope<'_>) -> Value {
    let values = body(&block.body, scope);
    scope.map_alternatives(&values, values.span, |values| {
        let own = document::to_policy(values);
        // Those in the singular are what providers before version 4 had.
        let all = |names: [&str; 2]| names.iter().filter_map(|n| values.get(n)).collect::<Vec<_>>();
        let sources = all(["source_json", "source_policy_documents"]);
        Some(document::merge(own, &sources, &all(["override_policy_documents", "override_json"])))
    })
}

/// Evaluates a body: attributes, and blocks as lists under their word.
pub fn body(source: &Body, scope: Scope<'_>) -> Value {
    let mut members: Vec<Member> = Vec::new();
    for given in source.attributes.iter().filter(|a| !["count", "for_each", "depends_on"].contains(&a.name.as_str())) {
        let value = attribute(given, scope);
        members.push(Member { key: Text::known(given.name.as_str()), key_span: given.key_span, value });
    }
    for block in &source.blocks {
        if block.word == "dynamic" {
            dynamic(block, &mut members, scope);
        } else {
            let value = Value::list([body(&block.body, scope)], block.head);
            push(&mut members, &block.word, value, scope);
        }
    }
    Value::object(members, source.span)
}

/// Adds blocks of a type to those that are there; either list may be open.
fn push(members: &mut Vec<Member>, word: &str, blocks: Value, scope: Scope<'_>) {
    let span = blocks.span;
    let Some(member) = members.iter_mut().find(|m| m.key.raw() == word) else {
        return members.push(Member { key: Text::known(word), key_span: span, value: blocks });
    };
    let there = std::mem::replace(&mut member.value, Value::new(Data::Null, span));
    member.value = match (there.data, blocks.data) {
        (Data::Array(list), Data::Array(more)) => {
            let mut list = list.into_vec();
            list.extend(more);
            Value::list(list, there.span)
        }
        (there_data, more) => {
            let both = vec![Value::new(there_data, there.span), Value::new(more, span)];
            scope.map_alternatives(&Value::list(both, there.span), span, |both| {
                let all = both.elements().iter().flat_map(|v| v.elements().iter().cloned());
                Some(Value::list(all, there.span))
            })
        }
    };
}

fn dynamic(block: &Block, members: &mut Vec<Member>, scope: Scope<'_>) {
    let Some(word) = block.labels.first() else { return };
    let content = block.body.blocks.iter().find(|b| b.word == "content");
    let (Some(content), Some(source)) = (content, block.body.attribute("for_each")) else { return };
    let collection = attribute(source, scope);
    let iterator = block.body.attribute("iterator").map(|i| scope.text_of(expression_span(i, scope)));
    let name = iterator.as_deref().unwrap_or(word);
    let blocks = match collection.candidates() {
        [] => repeated(&collection, content, name, scope),
        _ => scope.map_alternatives(&collection, collection.span, |alternative| {
            Some(repeated(alternative, content, name, scope))
        }),
    };
    push(members, word, blocks, scope);
}

/// The blocks that a `dynamic` block makes of a collection.
fn repeated(collection: &Value, content: &Block, name: &str, scope: Scope<'_>) -> Value {
    let known = each_entries(collection).or_else(|| entries(collection));
    let complete = known.is_some();
    let entries = known.unwrap_or_else(|| {
        vec![(open(collection, &format!("{name}.key")), open(collection, &format!("{name}.value")))]
    });
    // A list of objects iterates by number; a list of texts is a set.
    let entries = match &collection.data {
        Data::Array(list) if list.iter().any(|v| v.as_text().is_none()) => {
            let number = |i: usize, v: &Value| Value::new(Data::Number(i.to_string().into()), v.span);
            list.iter().enumerate().map(|(i, v)| (number(i, v), v.clone())).collect()
        }
        _ => entries,
    };
    let one = |(key, value): &(Value, Value)| {
        let bound = each(key, value);
        let binding = Binding { name, value: &bound, parent: scope.bindings };
        body(&content.body, scope.bind(&binding))
    };
    let mut blocks: Vec<Value> = entries.iter().take(MAX_BLOCK_INSTANCES).map(one).collect();
    if !complete {
        let rest = Unknown::plain(format!("{name} blocks of {}", source_text(collection)));
        blocks.push(Value::unknown(rest, collection.span));
    }
    Value::list(blocks, content.head)
}

fn source_text(value: &Value) -> String {
    match &value.data {
        Data::Unknown(unknown) => unknown.source.clone(),
        _ => String::from("an unknown collection"),
    }
}

fn expression_span(attribute: &super::tree::Attribute, scope: Scope<'_>) -> Span {
    use hcl_edit::Span as _;
    match &attribute.source {
        super::tree::Source::Hcl(e) => Scope { file: attribute.key_span.file, ..scope }.span(e.span()),
        super::tree::Source::Json(v) => Span { start: v.span.start + 1, end: v.span.end.saturating_sub(1), ..v.span },
    }
}
