//! Data sources: documents, which are read, and what others are asked for.
use super::eval::{Scope, to_text};
use super::module::Module;
use super::reference::{Step, instance_key, memoized, walk};
use super::tree::Block;
use super::{functions, resource};
use crate::source::Span;
use crate::value::{Data, Member, Text, Unknown, Value};

/// The value of a reference to a data source.
pub fn value(kind: &str, name: &str, rest: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
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
    match (rest, resource::keys(block, scope)) {
        ([] | [Step::Splat, ..], resource::Keys::Many(keys)) => {
            let member = |key: Text, value: Value| Member { key, key_span: value.span, value };
            let one = |key: &Value| unknown(&instance_key(key));
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

/// An attribute of a data source, where the source tells it: the text of a document, or what it was asked for.
pub fn known(kind: &str, name: &str, key: Option<&Value>, wanted: &str, span: Span, scope: Scope<'_>) -> Option<Value> {
    let module = scope.instance.module.clone();
    let block = Module::find(&module.data, kind, name)?;
    match (kind, wanted) {
        ("aws_iam_policy_document", "json" | "minified_json") => Some(document(block, key, span, scope)),
        ("aws_iam_policy", "arn") => {
            let named = || managed(resource::configured(block, "name", key, scope)?);
            resource::configured(block, "arn", key, scope).or_else(named)
        }
        ("aws_iam_policy_document", _) => None,
        ("template_file", "rendered") => {
            let given = |name: &str| resource::configured(block, name, key, scope);
            let none = || Value::object([], span);
            functions::files::rendered(&given("template")?, &given("vars").unwrap_or_else(none), scope)
        }
        ("local_file", "content") => {
            functions::files::apply("file", &[resource::configured(block, "filename", key, scope)?], span, scope)
        }
        _ => resource::configured(block, wanted, key, scope),
    }
}

/// The ARN of a policy that AWS manages, by its name.
fn managed(name: Value) -> Option<Value> {
    let known = name.as_str()?;
    let mut table = include_str!("../../../catalogue/managed.txt").lines().filter_map(|l| l.split_once('\t'));
    let arn = table.any(|(listed, _)| listed == known).then(|| format!("arn:aws:iam::aws:policy/{known}"))?;
    Some(Value::new(Data::String(Text::known(arn)), name.span))
}

/// The text of a document; where the key of its instance is not known, of any.
fn document(block: &Block, key: Option<&Value>, span: Span, scope: Scope<'_>) -> Value {
    let name = format!("data.{}.{}", block.labels[0], block.labels[1]);
    // What is only named and not read stays one that nobody uses, and is judged by itself.
    scope.context.used_documents.borrow_mut().insert(format!("{}{name}", scope.instance.address));
    let label = key.and_then(to_text);
    if let (Some(false), resource::Keys::Many(keys)) =
        (label.as_ref().map(Text::is_known), resource::keys(block, scope))
    {
        let all = keys.iter().map(|(key, _)| document(block, Some(key), span, scope)).collect();
        return functions::any_of(all, scope.text_of(span), span);
    }
    let label = label.map(|t| t.to_string()).unwrap_or_default();
    memoized(&format!("{name}[{label}]"), span, scope, || {
        let policy = resource::document(block, key, scope);
        let location = policy.span;
        Value::new(Data::Encoded(Box::new(policy)), location)
    })
}
