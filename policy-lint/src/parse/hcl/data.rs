//! `data.aws_iam_policy_document.x.json`: the document itself, and every one of those that are repeated.
use super::eval::{Env, to_text};
use super::module::Module;
use super::reference::{Step, remembered, walk};
use super::resource;
use super::tree::Block;
use crate::source::Span;
use crate::value::{Data, Hole, Member, Text, Value};

/// The value of a reference to a data source; only of policy documents it is known.
pub fn value(kind: &str, name: &str, rest: &[Step<'_>], span: Span, env: Env<'_>) -> Value {
    let module = env.instance.module.clone();
    let source = format!("data.{kind}.{name}");
    let reference = Some(format!("{}{source}", env.instance.address));
    let hole =
        || Value::unknown(Hole { source: source.clone(), reference: reference.clone(), ..Hole::default() }, span);
    let found = Module::find(&module.data, kind, name);
    let Some(block) = found.filter(|_| kind == "aws_iam_policy_document") else { return walk(hole(), rest, span, env) };
    // What is only named and not read stays one that nobody uses, and is judged by itself.
    let used = || env.world.used_documents.borrow_mut().insert(format!("{}{source}", env.instance.address));
    let (key, after) = match rest {
        [Step::Index(key), after @ ..] => (Some(key), after),
        other => (None, other),
    };
    match after {
        [Step::Name("json" | "minified_json")] => {
            used();
            let label = key.and_then(to_text).map(|t| t.to_string()).unwrap_or_default();
            remembered(&format!("{source}[{label}]"), span, env, || encoded(resource::document(block, key, env)))
        }
        [] | [Step::Splat, ..] if key.is_none() => match repeated(block, span, env) {
            Some(every) => {
                used();
                walk(every, after, span, env)
            }
            None => walk(hole(), rest, span, env),
        },
        _ => walk(hole(), rest, span, env),
    }
}

fn encoded(policy: Value) -> Value {
    let place = policy.span;
    Value::new(Data::Encoded(Box::new(policy)), place)
}

/// All instances of a repeated document: a list with `count`, an object with `for_each`.
fn repeated(block: &Block, span: Span, env: Env<'_>) -> Option<Value> {
    let resource::Keys::Many(keys) = resource::keys(block, env) else { return None };
    let member = |key: Text, value: Value| Member { key, key_span: value.span, value };
    let one = |key: &Value| {
        let document = encoded(resource::document(block, Some(key), env));
        let place = document.span;
        Value::object([member(Text::known("json"), document)], place)
    };
    let data = if block.body.attribute("count").is_some() {
        Data::Array(keys.iter().map(|(k, _)| one(k)).collect())
    } else {
        Data::Object(keys.iter().filter_map(|(k, _)| Some(member(to_text(k)?, one(k)))).collect())
    };
    Some(Value::new(data, span))
}
