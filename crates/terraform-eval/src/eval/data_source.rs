//! Data sources: documents, which are composed from their configuration, and attributes that the configuration gives.
use source_text::{Data, Member, Span, Text, Unknown, Value};

use super::reference::{Step, walk, walk_memoized};
use super::repetition::{self, Keys};
use super::{block as blocks, files};
use crate::module::Module;
use crate::provider::DocumentSource;
use crate::scope::Scope;
use crate::syntax::Block;
use crate::values::{any_of, index_suffix, to_text};

/// The value of a reference to a data source.
pub(crate) fn value(kind: &str, name: &str, rest: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let source = format!("data.{kind}.{name}");
    let reference = format!("{}{source}", scope.instance.address);
    let unknown = |key: &str| {
        let (source, reference) = (format!("{source}{key}"), Some(format!("{reference}{key}")));
        Value::unknown(Unknown { source, reference, ..Unknown::default() }, span)
    };
    let module = scope.instance.module.clone();
    let Some(block) = Module::find(&module.data, kind, name) else { return walk(unknown(""), rest, span, scope) };
    let (key, after) = match rest {
        [Step::Index(key), after @ ..] => (Some(key), after),
        other => (None, other),
    };
    if let [Step::Name(wanted), after @ ..] = after
        && let Some(found) = known(kind, name, key, wanted, span, scope)
    {
        return walk(found, after, span, scope);
    }
    match (rest, repetition::keys(block, scope)) {
        ([] | [Step::Splat, ..], Keys::Many(keys)) => {
            let member = |key: Text, value: Value| Member { key, key_span: value.span, value };
            let one = |key: &Value| unknown(&index_suffix(key));
            let data = if block.body.attribute("count").is_some() {
                Data::Array(keys.iter().map(|(k, _)| one(k)).collect())
            } else {
                Data::Object(keys.iter().filter_map(|(k, _)| Some(member(to_text(k)?, one(k)))).collect())
            };
            walk(Value::new(data, span), rest, span, scope)
        }
        _ => walk(unknown(""), rest, span, scope),
    }
}

/// An attribute of a data source, where the source determines it: the text of a document, or a configured attribute.
pub(crate) fn known(
    kind: &str,
    name: &str,
    key: Option<&Value>,
    wanted: &str,
    span: Span,
    scope: Scope<'_>,
) -> Option<Value> {
    let module = scope.instance.module.clone();
    let block = Module::find(&module.data, kind, name)?;
    if let Some(source) = scope.context.provider.document(kind) {
        return source.attributes.contains(&wanted).then(|| document(block, source, key, span, scope));
    }
    if let Some(derived) = scope.context.provider.derived_attribute(kind, wanted) {
        let derive = || (derived.derive)(&blocks::configured(block, derived.from, key, scope)?);
        return blocks::configured(block, wanted, key, scope).or_else(derive);
    }
    match (kind, wanted) {
        ("template_file", "rendered") => {
            let given = |name: &str| blocks::configured(block, name, key, scope);
            let none = || Value::object([], span);
            files::rendered(&given("template")?, &given("vars").unwrap_or_else(none), scope)
        }
        ("local_file", "content") => {
            files::apply("file", &[blocks::configured(block, "filename", key, scope)?], span, scope)
        }
        _ => blocks::configured(block, wanted, key, scope),
    }
}

/// The text of a document; if the key of the instance is unknown, the text of any instance.
fn document(block: &Block, source: &DocumentSource, key: Option<&Value>, span: Span, scope: Scope<'_>) -> Value {
    let name = format!("data.{}.{}", block.labels[0], block.labels[1]);
    // A document whose text is not read stays unused, so that it is reported by itself.
    scope.context.used_documents.borrow_mut().insert(format!("{}{name}", scope.instance.address));
    let key_text = key.and_then(to_text);
    if let (Some(false), Keys::Many(keys)) = (key_text.as_ref().map(Text::is_known), repetition::keys(block, scope)) {
        // One of these keys may be unknown too: it stands for the instances of a collection that is unknown.
        let all = keys.iter().map(|(key, _)| instance(block, source, Some(key), span, scope)).collect();
        return any_of(all, scope.text_of(span), span);
    }
    instance(block, source, key, span, scope)
}

/// The text of the document of one instance.
fn instance(block: &Block, source: &DocumentSource, key: Option<&Value>, span: Span, scope: Scope<'_>) -> Value {
    let name = format!("data.{}.{}", block.labels[0], block.labels[1]);
    let label = key.and_then(to_text).map(|t| t.to_string()).unwrap_or_default();
    walk_memoized(&format!("{name}[{label}]"), &[], span, scope, || {
        let document = blocks::document(block, source, key, scope);
        let span = document.span;
        Value::new(Data::Encoded(Box::new(document)), span)
    })
}
