//! Bodies of `resource` and `data` blocks to values, with `dynamic` blocks unrolled.
use hcl_edit::Span as _;
use source_text::{Data, Member, Span, Text, Unknown, Value};

use super::expression::attribute;
use super::repetition::{Keys, MAX_BLOCK_INSTANCES, each, for_key, keys, open};
use crate::provider::DocumentSource;
use crate::scope::{Binding, Scope};
use crate::syntax::{Attribute, Block, Body, Source};
use crate::values::{any_of, each_entries, entries, to_text};

/// Attributes of Terraform's own resources with the value of another attribute.
const ALIASES: &[(&str, &str, &str)] = &[("terraform_data", "output", "input")];

/// The value of an attribute as the block configures it; `None` when only an apply determines it.
pub(crate) fn configured(block: &Block, name: &str, key: Option<&Value>, scope: Scope<'_>) -> Option<Value> {
    let kind = block.labels.first().map_or("", String::as_str);
    let mut aliases = scope.context.provider.aliases.iter().chain(ALIASES);
    let alias = aliases.find(|(k, from, _)| *k == kind && *from == name).map_or(name, |(_, _, to)| to);
    let source = block.body.attribute(alias)?;
    let one = |key: Option<&Value>| for_key(block, key, scope, |scope| attribute(source, scope));
    let value = match keys(block, scope) {
        Keys::Many(all) if key.and_then(to_text).is_some_and(|k| !k.is_known()) && all.len() > 1 => {
            let any = all.iter().map(|(key, _)| one(Some(key))).collect();
            any_of(any, scope.text_of(source.key_span), source.key_span)
        }
        _ => one(key),
    };
    (!matches!(value.data, Data::Null)).then_some(value)
}

/// The document that a data source composes.
pub(crate) fn document(block: &Block, source: &DocumentSource, key: Option<&Value>, scope: Scope<'_>) -> Value {
    for_key(block, key, scope, |scope| document_here(block, source, scope))
}

/// The same where `each` and `count` are bound already.
pub(crate) fn document_here(block: &Block, source: &DocumentSource, scope: Scope<'_>) -> Value {
    let values = body(&block.body, scope);
    scope.map_alternatives(&values, values.span, |values| Some((source.compose)(values)))
}

/// Evaluates a body: its attributes, and its blocks as lists under their type.
pub(crate) fn body(source: &Body, scope: Scope<'_>) -> Value {
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

/// Adds blocks of a type to the existing ones; either list may be unknown.
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
    // A list of objects is iterated by index; a list of texts is a set.
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

fn expression_span(attribute: &Attribute, scope: Scope<'_>) -> Span {
    match &attribute.source {
        Source::Hcl(e) => Scope { file: attribute.key_span.file, ..scope }.span(e.span()),
        Source::Json(v) => Span { start: v.span.start + 1, end: v.span.end.saturating_sub(1), ..v.span },
    }
}
