//! `var.x`, `local.y`, `module.z.out`, `data.….json`, `aws_s3_bucket.raw.arn`: what a reference stands for.
use std::collections::HashMap;
use std::rc::Rc;

use hcl_edit::expr::{Expression, TraversalOperator};

use super::eval::{Env, attribute, entries, eval, to_text};
use super::module::{Children, Instance, Module};
use super::tree::Block;
use super::types;
use super::world::weight;
use super::{data, resource};
use crate::source::Span;
use crate::value::{Data, Hole, Text, Value};

/// How deep modules may call modules.
const DEEPEST_CALL: usize = 24;

/// One step of a reference.
pub enum Step<'a> {
    /// `.name`.
    Name(&'a str),
    /// `[key]`.
    Index(Value),
    /// `[*]` or `.*`.
    Splat,
}

/// Evaluates a variable or a traversal.
pub fn eval_reference(expression: &Expression, span: Span, env: Env<'_>) -> Value {
    let (root, operators): (&Expression, &[_]) = match expression {
        Expression::Traversal(t) => (&t.expr, &t.operators),
        other => (other, &[]),
    };
    let steps: Vec<Step<'_>> = operators.iter().map(|o| step(o.value(), env)).collect();
    let Expression::Variable(name) = root else {
        return walk(eval(root, env), &steps, span, env);
    };
    let name = name.value().as_str();
    if let Some(bound) = env.bound(name) {
        return if env.world.spend(weight(bound)) { walk(bound.clone(), &steps, span, env) } else { env.unknown(span) };
    }
    match (name, steps.as_slice()) {
        ("var", [Step::Name(name), rest @ ..]) => walk(variable(name, span, env), rest, span, env),
        ("local", [Step::Name(name), rest @ ..]) => walk(local(name, span, env), rest, span, env),
        ("module", [Step::Name(name), rest @ ..]) => module_output(name, rest, span, env),
        ("data", [Step::Name(kind), Step::Name(name), rest @ ..]) => data::value(kind, name, rest, span, env),
        ("path", [Step::Name(which)]) => path(which, span, env),
        ("each" | "count" | "self" | "terraform", _) => env.unknown(span),
        (kind, [Step::Name(name), rest @ ..]) if kind.contains('_') => managed(kind, name, rest, span, env),
        _ => env.unknown(span),
    }
}

fn step<'a>(operator: &'a TraversalOperator, env: Env<'_>) -> Step<'a> {
    match operator {
        TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => Step::Splat,
        TraversalOperator::GetAttr(name) => Step::Name(name.value().as_str()),
        TraversalOperator::Index(expression) => Step::Index(eval(expression, env)),
        TraversalOperator::LegacyIndex(n) => {
            Step::Index(Value::new(Data::Number(n.value().to_string().into()), Span::default()))
        }
    }
}

/// What steps lead to from a value.
pub fn walk(value: Value, steps: &[Step<'_>], span: Span, env: Env<'_>) -> Value {
    let Some((first, rest)) = steps.split_first() else { return value };
    let found = match (first, &value.data) {
        (_, Data::Unknown(hole)) if !hole.choices.is_empty() => {
            return env.each_way(&value, span, |way| Some(walk(way.clone(), steps, span, env)));
        }
        (_, Data::Unknown(hole)) => return Value::unknown(deeper(hole, steps), span),
        (Step::Name(name), Data::Object(_)) => value.get(name).cloned(),
        (Step::Index(key), Data::Object(_)) => key.as_str().and_then(|k| value.get(k).cloned()),
        (Step::Index(key), Data::Array(list)) => index(key).and_then(|i| list.get(i).cloned()),
        (Step::Name(name), Data::Array(list)) => name.parse().ok().and_then(|i: usize| list.get(i).cloned()),
        (Step::Splat, Data::Array(list)) => {
            let each = list.iter().map(|v| walk(v.clone(), rest, span, env));
            return Value::list(each, value.span);
        }
        (Step::Splat, Data::Null) => return Value::list([], span),
        (Step::Splat, _) => {
            let one = walk(value.clone(), rest, span, env);
            return Value::list([one], value.span);
        }
        _ => None,
    };
    match found {
        Some(found) => walk(found, rest, span, env),
        None => env.unknown(span),
    }
}

fn index(key: &Value) -> Option<usize> {
    match &key.data {
        Data::Number(n) => n.parse().ok(),
        Data::String(t) => t.as_known()?.parse().ok(),
        _ => None,
    }
}

/// The same unknown thing with more steps behind it.
fn deeper(hole: &Hole, steps: &[Step<'_>]) -> Hole {
    let mut source = hole.source.clone();
    let mut reference = hole.reference.clone();
    let whole = !source.contains('[') && reference.as_deref().is_some_and(|r| r.ends_with(&source));
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Name(name) => {
                source.push_str(&format!(".{name}"));
                reference = reference.map(|r| format!("{r}.{name}"));
            }
            Step::Index(key) => {
                if number == 0 && whole {
                    reference = reference.map(|r| format!("{r}{}", instance_key(key)));
                }
                let key = to_text(key).map_or_else(|| String::from("…"), |t| t.to_string());
                source.push_str(&format!("[{key}]"));
            }
            Step::Splat => source.push_str("[*]"),
        }
    }
    Hole { source, reference, ..Hole::default() }
}

/// The key of an instance as addresses have it; nothing where it is not known.
fn instance_key(key: &Value) -> String {
    match &key.data {
        Data::Number(n) => format!("[{n}]"),
        Data::String(text) => text.as_known().map(|k| format!("[\"{k}\"]")).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The value of a variable: as it was given, or its default.
pub fn variable(name: &str, span: Span, env: Env<'_>) -> Value {
    let instance = env.instance;
    let Some(block) = instance.module.variables.get(name) else { return env.unknown(span) };
    let given = instance.arguments.get(name);
    if given.is_none() && block.body.attribute("default").is_none() {
        let source = format!("{}var.{name}", instance.address);
        return Value::unknown(Hole::plain(source), span);
    }
    remembered(&format!("var.{name}"), span, env, || {
        let plain = Env { scope: None, ..env };
        let default = || block.body.attribute("default").map(|d| attribute(d, plain));
        let nullable = block.body.attribute("nullable").map(|n| attribute(n, plain).data);
        let given = given.filter(|v| !(matches!(v.data, Data::Null) && matches!(nullable, Some(Data::Bool(false)))));
        let value = given.cloned().or_else(default).unwrap_or_else(|| env.unknown(span));
        let value = match block.body.attribute("type") {
            Some(kind) => types::convert(value, kind, plain),
            None => value,
        };
        if instance.off.is_some() && says_no(&value) {
            return Value::unknown(Hole::plain(format!("{}var.{name}", instance.address)), span);
        }
        value
    })
}

/// Whether a value is what people give for something that they do not want.
pub fn says_no(value: &Value) -> bool {
    match &value.data {
        Data::Null | Data::Bool(false) => true,
        Data::Number(n) => &**n == "0",
        Data::String(text) => text.raw().is_empty(),
        Data::Array(elements) => elements.is_empty(),
        Data::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn local(name: &str, span: Span, env: Env<'_>) -> Value {
    let module = env.instance.module.clone();
    let Some(source) = module.locals.get(name) else { return env.unknown(span) };
    remembered(&format!("local.{name}"), span, env, || attribute(source, Env { scope: None, ..env }))
}

/// Evaluates once; a value that needs itself is unknown, and so is one that was copied too often.
pub fn remembered(key: &str, span: Span, env: Env<'_>, evaluate: impl FnOnce() -> Value) -> Value {
    let known = &env.instance.known;
    if let Some(found) = known.borrow().get(key) {
        let copy = found.as_ref().filter(|(_, weight)| env.world.spend(*weight)).map(|(value, _)| value.clone());
        return copy.unwrap_or_else(|| env.unknown(span));
    }
    known.borrow_mut().insert(key.to_owned(), None);
    let value = evaluate();
    let weight = weight(&value);
    env.world.spend(weight);
    known.borrow_mut().insert(key.to_owned(), Some((value.clone(), weight)));
    value
}

fn path(which: &str, span: Span, env: Env<'_>) -> Value {
    let folder = match which {
        "module" => &env.instance.module.folder,
        "root" | "cwd" => &env.instance.root,
        _ => return env.unknown(span),
    };
    let text = folder.to_string_lossy();
    let text = if text.is_empty() { String::from(".") } else { text.into_owned() };
    Value::new(Data::String(Text::known(text)), span)
}

fn managed(kind: &str, name: &str, rest: &[Step<'_>], span: Span, env: Env<'_>) -> Value {
    let module = env.instance.module.clone();
    let address = format!("{}{kind}.{name}", env.instance.address);
    let hole = Hole { source: format!("{kind}.{name}"), reference: Some(address), ..Hole::default() };
    let Some(block) = Module::find(&module.resources, kind, name) else {
        return walk(Value::unknown(hole, span), rest, span, env);
    };
    let repeated = block.body.attribute("for_each").is_some() || block.body.attribute("count").is_some();
    let (key, rest_after) = match rest {
        [Step::Index(key), after @ ..] if repeated => (Some(key), after),
        other => (None, other),
    };
    if repeated && key.is_none() {
        return repeated_resource(block, &hole, rest, span, env);
    }
    let [Step::Name(wanted), deeper_steps @ ..] = rest_after else {
        return walk(Value::unknown(hole, span), rest, span, env);
    };
    match resource::configured(block, wanted, key, env) {
        Some(value) => walk(value, deeper_steps, span, env),
        None => walk(Value::unknown(hole, span), rest, span, env),
    }
}

/// `aws_x.y` with `count` or `for_each`, whole: as many as are known.
fn repeated_resource(block: &Block, hole: &Hole, rest: &[Step<'_>], span: Span, env: Env<'_>) -> Value {
    let keys = resource::keys(block, env);
    let address = hole.reference.as_deref().unwrap_or_default();
    let one = |key: &Value| -> Value {
        let text = to_text(key).map_or_else(|| String::from("…"), |t| t.to_string());
        let member = Hole {
            source: format!("{}[{text}]", hole.source),
            reference: Some(format!("{address}{}", instance_key(key))),
            ..Hole::default()
        };
        Value::unknown(member, span)
    };
    match keys {
        resource::Keys::Many(keys) if matches!(rest.first(), Some(Step::Splat) | None) => {
            let numbered = keys.iter().all(|k| matches!(k.0.data, Data::Number(_)));
            if numbered || !rest.is_empty() {
                let list = keys.iter().map(|(k, _)| one(k));
                return walk(Value::list(list, span), rest, span, env);
            }
            let members = keys
                .iter()
                .filter_map(|(k, _)| Some(crate::value::Member { key: to_text(k)?, key_span: k.span, value: one(k) }));
            Value::object(members, span)
        }
        _ => walk(Value::unknown(hole.clone(), span), rest, span, env),
    }
}

fn module_output(name: &str, rest: &[Step<'_>], span: Span, env: Env<'_>) -> Value {
    let unknown = || Value::unknown(Hole::plain(format!("module.{name}")), span);
    let output = |child: &Rc<Instance>, wanted: &str| -> Value {
        let module = child.module.clone();
        let inner = Env { world: env.world, instance: child, file: env.file, scope: None };
        let found = module.outputs.get(wanted).and_then(|o| o.body.attribute("value"));
        match found {
            Some(value) => remembered(&format!("output.{wanted}"), span, inner, || attribute(value, inner)),
            None => env.unknown(span),
        }
    };
    match (children(name, env), rest) {
        (Children::One(child), [Step::Name(wanted), after @ ..]) => walk(output(&child, wanted), after, span, env),
        (Children::Keyed(all), [Step::Index(key), Step::Name(wanted), after @ ..]) => {
            let child = all.iter().find(|(k, _)| key.as_str() == Some(k.as_str()));
            child.map_or_else(|| env.unknown(span), |(_, c)| walk(output(c, wanted), after, span, env))
        }
        (Children::Counted(all), [Step::Index(key), Step::Name(wanted), after @ ..]) => {
            let child = index(key).and_then(|i| all.get(i).cloned());
            child.map_or_else(|| env.unknown(span), |c| walk(output(&c, wanted), after, span, env))
        }
        (Children::Off(_), [Step::Splat, ..]) => Value::list([], span),
        (Children::Counted(all), [Step::Splat, Step::Name(wanted), after @ ..]) => {
            let each = all.iter().map(|c| walk(output(c, wanted), after, span, env));
            Value::list(each, span)
        }
        _ => walk(unknown(), rest, span, env),
    }
}

/// The instances of a called module, made at the first need.
pub fn children(name: &str, env: Env<'_>) -> Children {
    if let Some(found) = env.instance.children.borrow().get(name) {
        return found.clone();
    }
    env.instance.children.borrow_mut().insert(name.to_owned(), Children::Elsewhere);
    let module = env.instance.module.clone();
    let block = module.calls.iter().find(|c| c.labels.first().is_some_and(|l| l == name));
    let made = block.map_or(Children::Elsewhere, |block| make_children(name, block, env));
    env.instance.children.borrow_mut().insert(name.to_owned(), made.clone());
    made
}

fn make_children(name: &str, block: &Block, env: Env<'_>) -> Children {
    let env = Env { scope: None, ..env };
    let source = block.body.attribute("source").map(|s| attribute(s, env));
    let source = source.as_ref().and_then(Value::as_str).filter(|s| s.starts_with("./") || s.starts_with("../"));
    let Some(source) = source.filter(|_| env.instance.callers.len() < DEEPEST_CALL) else {
        return Children::Elsewhere;
    };
    let Some(module) = super::load(&env.instance.module.folder.join(source), env.world) else {
        return Children::Elsewhere;
    };
    let mut callers = env.instance.callers.clone();
    callers.push(env.instance.module.clone());
    let keys = resource::keys(block, env);
    let many = if let resource::Keys::Many(keys) = &keys { keys.len() } else { 1 };
    if callers.iter().any(|c| Rc::ptr_eq(c, &module)) || !env.world.start_modules(many) {
        return Children::Elsewhere;
    }
    let make = |suffix: String, off: Option<Span>, env: Env<'_>| {
        let own = ["source", "version", "providers", "count", "for_each", "depends_on"];
        let given = block.body.attributes.iter().filter(|a| !own.contains(&a.name.as_str()));
        let arguments: HashMap<String, Value> = given.map(|a| (a.name.clone(), attribute(a, env))).collect();
        let address = format!("{}module.{name}{suffix}.", env.instance.address);
        let plain = Instance::new(module.clone(), address, arguments, callers.clone(), &env.instance.root);
        Rc::new(Instance { off: off.or(env.instance.off), ..plain })
    };
    match keys {
        resource::Keys::One => Children::One(make(String::new(), None, env)),
        resource::Keys::Open(each, count) => {
            Children::One(resource::with_each(&each, &count, env, |env| make(String::new(), None, env)))
        }
        resource::Keys::Many(keys) if keys.is_empty() => {
            let off = resource::repetition(block);
            let shadow = env.instance.shadow(off);
            let (each, count) = resource::absent(block);
            let env = Env { instance: &shadow, ..env };
            Children::Off(resource::with_each(&each, &count, env, |env| make(String::new(), Some(off), env)))
        }
        resource::Keys::Many(keys) => {
            let mut keyed = Vec::new();
            let numbered = block.body.attribute("count").is_some();
            for (key, value) in keys {
                let label = to_text(&key).map(|t| t.to_string()).unwrap_or_default();
                let suffix = if numbered { format!("[{label}]") } else { format!("[\"{label}\"]") };
                let child = resource::with_key(&key, &value, numbered, env, |env| make(suffix, None, env));
                keyed.push((label, child));
            }
            if numbered {
                Children::Counted(keyed.into_iter().map(|(_, c)| c).collect())
            } else {
                Children::Keyed(keyed)
            }
        }
    }
}

/// The entries of a `for_each`: of a set, the elements are their own keys.
pub fn each_entries(value: &Value) -> Option<Vec<(Value, Value)>> {
    match &value.data {
        Data::Array(list) => {
            let mut texts: Vec<Value> = list.iter().filter(|v| v.as_text().is_some()).cloned().collect();
            texts.sort_by(|a, b| a.as_text().map(Text::raw).cmp(&b.as_text().map(Text::raw)));
            texts.dedup_by(|a, b| a.as_text().map(Text::raw) == b.as_text().map(Text::raw));
            (!list.iter().any(Value::is_unknown)).then(|| texts.into_iter().map(|v| (v.clone(), v)).collect())
        }
        _ => entries(value),
    }
}
