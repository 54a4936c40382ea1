//! Calls of modules: their instances, what these give back, and what `module.x` is where all of it is meant.
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::eval::{Env, attribute, to_text};
use super::module::{Children, Instance};
use super::reference::{Step, index, remembered, walk};
use super::resource;
use super::tree::Block;
use crate::source::Span;
use crate::value::{Data, Hole, Member, Text, Value};

/// How deep modules may call modules.
const DEEPEST_CALL: usize = 24;

/// What a reference to a called module stands for.
pub fn module_output(name: &str, rest: &[Step<'_>], span: Span, env: Env<'_>) -> Value {
    let children = children(name, env);
    match (&children, rest) {
        (Children::One(child) | Children::Open(child), [Step::Name(wanted), after @ ..])
        | (Children::Open(child), [Step::Index(_), Step::Name(wanted), after @ ..]) => {
            return walk(output(child, wanted, span, env), after, span, env);
        }
        (Children::Keyed(all), [Step::Index(key), Step::Name(wanted), after @ ..]) if key.as_str().is_some() => {
            let child = all.iter().find(|(k, _)| key.as_str() == Some(k.as_str()));
            return child.map_or_else(|| env.fail(span), |(_, c)| walk(output(c, wanted, span, env), after, span, env));
        }
        (Children::Counted(all), [Step::Index(key), Step::Name(wanted), after @ ..]) if !key.is_unknown() => {
            let child = index(key).and_then(|i| all.get(i).cloned());
            return child.map_or_else(|| env.fail(span), |c| walk(output(&c, wanted, span, env), after, span, env));
        }
        _ => {}
    }
    let whole = |child: &Rc<Instance>| {
        let names: BTreeMap<&String, _> = child.module.outputs.iter().collect();
        let member = |name: &String| member(name, output(child, name, span, env));
        Value::object(names.into_keys().map(member), span)
    };
    let data = match &children {
        Children::One(child) => return walk(whole(child), rest, span, env),
        Children::Keyed(all) => Data::Object(all.iter().map(|(key, child)| member(key, whole(child))).collect()),
        Children::Counted(all) => Data::Array(all.iter().map(whole).collect()),
        Children::Open(child) if matches!(rest, [] | [Step::Splat, ..]) => {
            return walk(perhaps(name, whole(child), env), rest, span, env);
        }
        Children::Off(_) if matches!(rest, [] | [Step::Splat, ..]) => return Value::list([], span),
        Children::Open(_) | Children::Off(_) | Children::Elsewhere => {
            let hole = Hole::plain(format!("module.{name}"));
            return walk(Value::unknown(hole, span), rest, span, env);
        }
    };
    walk(Value::new(data, span), rest, span, env)
}

/// All instances of a module of which nobody knows how many there are: one, or none.
fn perhaps(name: &str, one: Value, env: Env<'_>) -> Value {
    let span = one.span;
    let by_number = |c: &&Block| c.labels.first().is_some_and(|l| l == name) && c.body.attribute("count").is_some();
    let both = if env.instance.module.calls.iter().any(|c| by_number(&c)) {
        vec![Value::list([one], span), Value::list([], span)]
    } else {
        let key = Text::unknown(Hole::plain(format!("key of module.{name}")));
        vec![Value::object([Member { key, key_span: span, value: one }], span), Value::object([], span)]
    };
    Value::one_of(both, format!("module.{name}"), span)
}

fn member(name: &str, value: Value) -> Member {
    Member { key: Text::known(name), key_span: value.span, value }
}

fn output(child: &Rc<Instance>, wanted: &str, span: Span, env: Env<'_>) -> Value {
    let module = child.module.clone();
    let inner = Env { world: env.world, instance: child, file: env.file, scope: None };
    match module.outputs.get(wanted).and_then(|o| o.body.attribute("value")) {
        Some(value) => remembered(&format!("output.{wanted}"), span, inner, || attribute(value, inner)),
        None => env.fail(span),
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
        let instance = Rc::new(Instance { off: off.or(env.instance.off), ..plain });
        env.world.instances.borrow_mut().insert(instance.address.clone(), instance.clone());
        instance
    };
    match keys {
        resource::Keys::One => Children::One(make(String::new(), None, env)),
        resource::Keys::Open(each, count) => {
            Children::Open(resource::with_each(&each, &count, env, |env| make(String::new(), None, env)))
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
