//! The values of references: `var.x`, `local.y`, `module.z.out`, `data.….json`, `aws_s3_bucket.raw.arn`.
use hcl_edit::Decorated;
use hcl_edit::expr::{Expression, TraversalOperator};
use source_text::{Data, Member, Span, Text, Unknown, Value};

use super::expression::{attribute, eval};
use super::{block, data_source, module_call, repetition, type_constraint};
use crate::address;
use crate::module::Module;
use crate::scope::{Scope, memoized};
use crate::syntax::Block;
use crate::values::{any_of, cost, entries, index, index_suffix, is_falsy, to_text};

/// One step of a reference.
pub(crate) enum Step<'a> {
    /// `.name`.
    Name(&'a str),
    /// `[key]`.
    Index(Value),
    /// `[*]` or `.*`.
    Splat,
}

/// Evaluates a variable or a traversal.
pub(crate) fn eval_reference(expression: &Expression, span: Span, scope: Scope<'_>) -> Value {
    let (root, operators): (&Expression, &[_]) = match expression {
        Expression::Traversal(t) => (&t.expr, &t.operators),
        other => (other, &[]),
    };
    // `a.*.b[0]` is the first of all `b`; `a[*].b[0]` is the first element of every `b`.
    let legacy = operators.iter().position(|o| matches!(o.value(), TraversalOperator::AttrSplat(_)));
    let end = legacy.and_then(|at| {
        let is_index = |o: &Decorated<TraversalOperator>| matches!(o.value(), TraversalOperator::Index(_));
        Some(at + operators.get(at..)?.iter().position(is_index)?)
    });
    let (operators, after) = operators.split_at(end.unwrap_or(operators.len()));
    let after: Vec<Step<'_>> = after.iter().map(|o| step(o.value(), scope)).collect();
    let steps: Vec<Step<'_>> = operators.iter().map(|o| step(o.value(), scope)).collect();
    walk(referred(root, &steps, span, scope), &after, span, scope)
}

fn referred(root: &Expression, steps: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let Expression::Variable(name) = root else {
        return walk(eval(root, scope), steps, span, scope);
    };
    let name = name.value().as_str();
    if let Some(bound) = scope.bound(name) {
        let (part, rest) = reach(bound, steps);
        return if scope.context.consume_budget(cost(part)) {
            walk(part.clone(), rest, span, scope)
        } else {
            scope.unknown(span)
        };
    }
    match (name, steps) {
        ("var", [Step::Name(name), rest @ ..]) => variable(name, rest, span, scope),
        ("local", [Step::Name(name), rest @ ..]) => local(name, rest, span, scope),
        ("module", [Step::Name(name), rest @ ..]) => module_call::module_output(name, rest, span, scope),
        ("data", [Step::Name(kind), Step::Name(name), rest @ ..]) => data_source::value(kind, name, rest, span, scope),
        ("path", [Step::Name(which)]) => path(which, span, scope),
        ("each" | "count" | "self" | "terraform", _) => scope.unknown(span),
        (kind, [Step::Name(name), rest @ ..]) if kind.contains('_') => managed(kind, name, rest, span, scope),
        _ => scope.unknown(span),
    }
}

fn step<'a>(operator: &'a TraversalOperator, scope: Scope<'_>) -> Step<'a> {
    match operator {
        TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => Step::Splat,
        TraversalOperator::GetAttr(name) => Step::Name(name.value().as_str()),
        TraversalOperator::Index(expression) => Step::Index(eval(expression, scope)),
        TraversalOperator::LegacyIndex(n) => {
            Step::Index(Value::new(Data::Number(n.value().to_string().into()), Span::default()))
        }
    }
}

/// Evaluates once per instance, and takes the steps without a copy of the whole value. A value that depends on itself is
/// unknown, and so is one whose copies exceed the budget.
pub(crate) fn walk_memoized(
    key: &str,
    steps: &[Step<'_>],
    span: Span,
    scope: Scope<'_>,
    evaluate: impl FnOnce() -> Value,
) -> Value {
    let (value, taken) = memoized(key, scope, evaluate, |found| {
        let part = found.and_then(|(whole, whole_cost)| {
            let (part, rest) = reach(whole, steps);
            let cost = if rest.len() == steps.len() { whole_cost } else { cost(part) };
            scope.context.consume_budget(cost).then(|| (part.clone(), steps.len() - rest.len()))
        });
        part.unwrap_or_else(|| (scope.unknown(span), 0))
    });
    walk(value, steps.get(taken..).unwrap_or_default(), span, scope)
}

/// The part of a value that the first steps lead to, as far as keys are known, and the remaining steps.
fn reach<'v, 's, 'a>(value: &'v Value, steps: &'s [Step<'a>]) -> (&'v Value, &'s [Step<'a>]) {
    let Some((first, rest)) = steps.split_first() else { return (value, steps) };
    let found = match (first, &value.data) {
        (Step::Name(name), Data::Object(_)) => value.get(name),
        (Step::Index(key), Data::Object(_)) => key.as_str().and_then(|key| value.get(key)),
        _ => None,
    };
    found.map_or((value, steps), |found| reach(found, rest))
}

/// The value that steps lead to.
pub(crate) fn walk(value: Value, steps: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let Some((first, rest)) = steps.split_first() else { return value };
    let found = match (first, &value.data) {
        (_, Data::Unknown(unknown)) if !unknown.candidates.is_empty() => {
            return scope
                .map_alternatives(&value, span, |alternative| Some(walk(alternative.clone(), steps, span, scope)));
        }
        (_, Data::Unknown(unknown)) => {
            return match attribute_of(unknown, first, span, scope) {
                Some(found) => walk(found, rest, span, scope),
                None => Value::unknown(deeper(unknown, steps), span),
            };
        }
        (Step::Index(key), Data::Object(_) | Data::Array(_)) if to_text(key).is_some_and(|t| !t.is_known()) => {
            let any = any_entry(&value, span, scope);
            return walk(any, rest, span, scope);
        }
        (Step::Name(name), Data::Object(_)) => value.get(name).cloned(),
        (Step::Index(key), Data::Object(_)) => to_text(key).and_then(|k| value.get(k.raw()).cloned()),
        (Step::Index(key), Data::Array(list)) => index(key).and_then(|i| list.get(i).cloned()),
        (Step::Name(name), Data::Array(list)) => name.parse().ok().and_then(|i: usize| list.get(i).cloned()),
        (Step::Splat, Data::Array(list)) => {
            let each = list.iter().map(|v| walk(v.clone(), rest, span, scope));
            return Value::list(each, value.span);
        }
        (Step::Splat, Data::Null) => return Value::list([], span),
        (Step::Splat, _) => {
            let one = walk(value.clone(), rest, span, scope);
            return Value::list([one], value.span);
        }
        _ => None,
    };
    match found {
        Some(found) => walk(found, rest, span, scope),
        None if is_complete(&value) => scope.fail(span),
        None => scope.unknown(span),
    }
}

/// Whether all elements and keys of a value are known.
fn is_complete(value: &Value) -> bool {
    value.elements().iter().all(|e| !e.is_unknown()) && value.members().iter().all(|m| m.key.is_known())
}

/// The entry of a collection under an unknown key.
fn any_entry(collection: &Value, span: Span, scope: Scope<'_>) -> Value {
    let all: Vec<Value> = entries(collection).into_iter().flatten().map(|(_, value)| value).collect();
    if scope.context.consume_budget(cost(collection)) {
        any_of(all, scope.text_of(span), span)
    } else {
        scope.unknown(span)
    }
}

/// An attribute of a reference to a whole resource or data source, as its block configures it.
fn attribute_of(unknown: &Unknown, step: &Step<'_>, span: Span, scope: Scope<'_>) -> Option<Value> {
    let (Step::Name(wanted), Some(reference)) = (step, &unknown.reference) else { return None };
    let all: Vec<&str> = address::steps(reference).collect();
    let [modules @ .., kind, last] = all.as_slice() else { return None };
    let is_data = modules.len() % 2 == 1;
    if !kind.contains('_') || is_data && modules.last() != Some(&"data") {
        return None;
    }
    let own = kind.len() + last.len() + 1 + if is_data { "data.".len() } else { 0 };
    let child = scope.context.instances.borrow().get(reference.get(..reference.len() - own)?)?.clone();
    let (name, key) = last.split_once('[').map_or((*last, None), |(name, key)| (name, key.strip_suffix(']')));
    let key = key.map(|key| match key.strip_prefix('"').and_then(|k| k.strip_suffix('"')) {
        Some(text) => Value::new(Data::String(Text::known(text)), span),
        None => Value::new(Data::Number(key.into()), span),
    });
    let inner = Scope { instance: &child, bindings: None, ..scope };
    if is_data {
        return data_source::known(kind, name, key.as_ref(), wanted, span, inner);
    }
    block::configured(Module::find(&child.module.resources, kind, name)?, wanted, key.as_ref(), inner)
}

/// The unknown value that more steps lead to.
fn deeper(unknown: &Unknown, steps: &[Step<'_>]) -> Unknown {
    let mut source = unknown.source.clone();
    let mut reference = unknown.reference.clone();
    let whole = !source.contains('[') && reference.as_deref().is_some_and(|r| r.ends_with(&source));
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Name(name) => {
                source.push_str(&format!(".{name}"));
                reference = reference.map(|r| format!("{r}.{name}"));
            }
            Step::Index(key) => {
                if number == 0 && whole {
                    reference = reference.map(|r| format!("{r}{}", index_suffix(key)));
                }
                let key = to_text(key).map_or_else(|| String::from("…"), |t| t.to_string());
                source.push_str(&format!("[{key}]"));
            }
            Step::Splat => source.push_str("[*]"),
        }
    }
    Unknown { source, reference, ..Unknown::default() }
}

/// The value of a variable: the given one or its default.
pub(crate) fn variable(name: &str, steps: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let instance = scope.instance;
    let Some(block) = instance.module.variables.get(name) else { return walk(scope.unknown(span), steps, span, scope) };
    if !module_call::has_argument(name, instance) && block.body.attribute("default").is_none() {
        let source = format!("{}var.{name}", instance.address);
        return walk(Value::unknown(Unknown::plain(source), span), steps, span, scope);
    }
    walk_memoized(&format!("var.{name}"), steps, span, scope, || {
        let plain = Scope { bindings: None, ..scope };
        let default = || block.body.attribute("default").map(|d| attribute(d, plain));
        let nullable = block.body.attribute("nullable").map(|n| attribute(n, plain).data);
        let given = module_call::argument(name, plain)
            .filter(|v| !(matches!(v.data, Data::Null) && matches!(nullable, Some(Data::Bool(false)))));
        let value = given.or_else(default).unwrap_or_else(|| scope.unknown(span));
        let value = match block.body.attribute("type") {
            Some(kind) => type_constraint::convert(value, kind, plain),
            None => value,
        };
        if instance.disabled_at.is_some() && is_falsy(&value) {
            return Value::unknown(Unknown::plain(format!("{}var.{name}", instance.address)), span);
        }
        value
    })
}

fn local(name: &str, steps: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let module = scope.instance.module.clone();
    let Some(source) = module.locals.get(name) else { return walk(scope.unknown(span), steps, span, scope) };
    walk_memoized(&format!("local.{name}"), steps, span, scope, || attribute(source, Scope { bindings: None, ..scope }))
}

fn path(which: &str, span: Span, scope: Scope<'_>) -> Value {
    let folder = match which {
        "module" => &scope.instance.module.folder,
        "root" | "cwd" => &scope.instance.root,
        _ => return scope.unknown(span),
    };
    let path = folder.to_string_lossy();
    let text = if path.is_empty() { String::from(".") } else { path.into_owned() };
    Value::new(Data::String(Text::known(text)), span)
}

fn managed(kind: &str, name: &str, rest: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let module = scope.instance.module.clone();
    let address = format!("{}{kind}.{name}", scope.instance.address);
    let unknown = Unknown { source: format!("{kind}.{name}"), reference: Some(address), ..Unknown::default() };
    let Some(block) = Module::find(&module.resources, kind, name) else {
        return walk(Value::unknown(unknown, span), rest, span, scope);
    };
    let repeated = block.body.attribute("for_each").is_some() || block.body.attribute("count").is_some();
    let (key, rest_after) = match rest {
        [Step::Index(key), after @ ..] if repeated => (Some(key), after),
        other => (None, other),
    };
    if repeated && key.is_none() {
        return repeated_resource(block, &unknown, rest, span, scope);
    }
    let [Step::Name(wanted), deeper_steps @ ..] = rest_after else {
        return walk(Value::unknown(unknown, span), rest, span, scope);
    };
    match block::configured(block, wanted, key, scope) {
        Some(value) => walk(value, deeper_steps, span, scope),
        None => walk(Value::unknown(unknown, span), rest, span, scope),
    }
}

/// A whole resource with `count` or `for_each`: its known instances.
fn repeated_resource(block: &Block, unknown: &Unknown, rest: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let keys = repetition::keys(block, scope);
    let address = unknown.reference.as_deref().unwrap_or_default();
    let one = |key: &Value| -> Value {
        let text = to_text(key).map_or_else(|| String::from("…"), |t| t.to_string());
        let member = Unknown {
            source: format!("{}[{text}]", unknown.source),
            reference: Some(format!("{address}{}", index_suffix(key))),
            ..Unknown::default()
        };
        Value::unknown(member, span)
    };
    match keys {
        repetition::Keys::Many(keys) if matches!(rest.first(), Some(Step::Splat) | None) => {
            let numbered = keys.iter().all(|k| matches!(k.0.data, Data::Number(_)));
            if numbered || !rest.is_empty() {
                let list = keys.iter().map(|(k, _)| one(k));
                return walk(Value::list(list, span), rest, span, scope);
            }
            let members =
                keys.iter().filter_map(|(k, _)| Some(Member { key: to_text(k)?, key_span: k.span, value: one(k) }));
            Value::object(members, span)
        }
        _ => walk(Value::unknown(unknown.clone(), span), rest, span, scope),
    }
}
