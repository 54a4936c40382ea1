//! Module calls: their instances, the outputs of these, and the value of `module.x` as a whole.
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use source_text::{Data, Member, Span, Text, Unknown, Value};

use super::expression::attribute;
use super::reference::{Step, walk};
use super::repetition::{self, Keys};
use crate::module::{Children, Instance, Module};
use crate::module_files::load;
use crate::scope::{Scope, memoized};
use crate::syntax::Block;
use crate::values::{index, to_text};

/// Depth of nested module calls.
const MAX_MODULE_NESTING: usize = 24;

/// The value of a reference to a called module.
pub(crate) fn module_output(name: &str, rest: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let children = children(name, scope);
    match (&children, rest) {
        (Children::One(child) | Children::UnknownCount(child), [Step::Name(wanted), after @ ..])
        | (Children::UnknownCount(child), [Step::Index(_), Step::Name(wanted), after @ ..]) => {
            return walk(output(child, wanted, span, scope), after, span, scope);
        }
        (Children::Keyed(all), [Step::Index(key), Step::Name(wanted), after @ ..]) if key.as_str().is_some() => {
            let child = all.iter().find(|(k, _)| key.as_str() == Some(k.as_str()));
            return child
                .map_or_else(|| scope.fail(span), |(_, c)| walk(output(c, wanted, span, scope), after, span, scope));
        }
        (Children::Counted(all), [Step::Index(key), Step::Name(wanted), after @ ..]) if !key.is_unknown() => {
            let child = index(key).and_then(|i| all.get(i).cloned());
            return child
                .map_or_else(|| scope.fail(span), |c| walk(output(&c, wanted, span, scope), after, span, scope));
        }
        _ => {}
    }
    let whole = |child: &Rc<Instance>| {
        let names: BTreeMap<&String, _> = child.module.outputs.iter().collect();
        let member = |name: &String| member(name, output(child, name, span, scope));
        Value::object(names.into_keys().map(member), span)
    };
    let data = match &children {
        Children::One(child) => return walk(whole(child), rest, span, scope),
        Children::Keyed(all) => Data::Object(all.iter().map(|(key, child)| member(key, whole(child))).collect()),
        Children::Counted(all) => Data::Array(all.iter().map(whole).collect()),
        Children::UnknownCount(child) if matches!(rest, [] | [Step::Splat, ..]) => {
            return walk(perhaps(name, whole(child), scope), rest, span, scope);
        }
        Children::Disabled(_) if matches!(rest, [] | [Step::Splat, ..]) => return Value::list([], span),
        Children::UnknownCount(_) | Children::Disabled(_) | Children::Elsewhere => {
            let unknown = Unknown::plain(format!("module.{name}"));
            return walk(Value::unknown(unknown, span), rest, span, scope);
        }
    };
    walk(Value::new(data, span), rest, span, scope)
}

/// All instances of a module when their number is unknown: one, or none.
fn perhaps(name: &str, one: Value, scope: Scope<'_>) -> Value {
    let span = one.span;
    let by_number = |c: &&Block| c.labels.first().is_some_and(|l| l == name) && c.body.attribute("count").is_some();
    let both = if scope.instance.module.calls.iter().any(|c| by_number(&c)) {
        vec![Value::list([one], span), Value::list([], span)]
    } else {
        let key = Text::unknown(Unknown::plain(format!("key of module.{name}")));
        vec![Value::object([Member { key, key_span: span, value: one }], span), Value::object([], span)]
    };
    Value::one_of(both, format!("module.{name}"), span)
}

fn member(name: &str, value: Value) -> Member {
    Member { key: Text::known(name), key_span: value.span, value }
}

fn output(child: &Rc<Instance>, wanted: &str, span: Span, scope: Scope<'_>) -> Value {
    let module = child.module.clone();
    let inner = Scope { context: scope.context, instance: child, file: scope.file, bindings: None };
    match module.outputs.get(wanted).and_then(|o| o.body.attribute("value")) {
        Some(value) => memoized(&format!("output.{wanted}"), span, inner, || attribute(value, inner)),
        None => scope.fail(span),
    }
}

/// The instances of a called module, made on first use.
pub(crate) fn children(name: &str, scope: Scope<'_>) -> Children {
    if let Some(found) = scope.instance.children.borrow().get(name) {
        return found.clone();
    }
    scope.instance.children.borrow_mut().insert(name.to_owned(), Children::Elsewhere);
    let module = scope.instance.module.clone();
    let block = module.calls.iter().find(|c| c.labels.first().is_some_and(|l| l == name));
    let made = block.map_or(Children::Elsewhere, |block| make_children(name, block, scope));
    scope.instance.children.borrow_mut().insert(name.to_owned(), made.clone());
    made
}

/// The instances of the called modules that can have resources. A module without resources, data sources and calls has
/// instances only where its outputs are read: its `for_each` may be far more expensive than all policies.
pub(crate) fn children_with_resources(scope: Scope<'_>) -> Vec<Rc<Instance>> {
    let has_resources = |call: &&Block| {
        let module = called_module(call, Scope { bindings: None, ..scope });
        module.is_some_and(|m| !(m.resources.is_empty() && m.data.is_empty() && m.calls.is_empty()))
    };
    let calls = scope.instance.module.calls.iter().filter(has_resources);
    calls.filter_map(|call| call.labels.first()).flat_map(|name| children(name, scope).all()).collect()
}

/// The module that a call names, if it is on disk.
fn called_module(call: &Block, scope: Scope<'_>) -> Option<Rc<Module>> {
    let source = attribute(call.body.attribute("source")?, scope);
    let local = source.as_str().filter(|s| s.starts_with("./") || s.starts_with("../"))?;
    load(&scope.instance.module.folder.join(local), scope.context)
}

/// A call of a module in the tree, with what its instances have in common.
struct Call<'a> {
    name: &'a str,
    block: &'a Block,
    module: Rc<Module>,
    callers: Vec<Rc<Module>>,
}

/// Arguments of a call that are not variables of the module.
const META_ARGUMENTS: [&str; 6] = ["source", "version", "providers", "count", "for_each", "depends_on"];

impl Call<'_> {
    fn instance(&self, suffix: &str, disabled_at: Option<Span>, scope: Scope<'_>) -> Rc<Instance> {
        let given = self.block.body.attributes.iter().filter(|a| !META_ARGUMENTS.contains(&a.name.as_str()));
        let arguments: HashMap<String, Value> = given.map(|a| (a.name.clone(), attribute(a, scope))).collect();
        let address = format!("{}module.{}{suffix}.", scope.instance.address, self.name);
        let callers = self.callers.clone();
        let enabled = Instance::new(self.module.clone(), address, arguments, callers, &scope.instance.root);
        let instance = Rc::new(Instance { disabled_at: disabled_at.or(scope.instance.disabled_at), ..enabled });
        scope.context.instances.borrow_mut().insert(instance.address.clone(), instance.clone());
        instance
    }

    /// The instance that a call without instances would have.
    fn disabled(&self, scope: Scope<'_>) -> Children {
        let disabled_at = repetition::repetition(self.block);
        let shadow = scope.instance.shadow(disabled_at);
        let (each, count) = repetition::absent(self.block);
        let scope = Scope { instance: &shadow, ..scope };
        let instance = |scope: Scope<'_>| self.instance("", Some(disabled_at), scope);
        Children::Disabled(repetition::with_each(&each, &count, scope, instance))
    }

    fn repeated(&self, keys: Vec<(Value, Value)>, scope: Scope<'_>) -> Children {
        let numbered = self.block.body.attribute("count").is_some();
        let child = |(key, value): (Value, Value)| {
            let label = to_text(&key).map(|t| t.to_string()).unwrap_or_default();
            let suffix = if numbered { format!("[{label}]") } else { format!("[\"{label}\"]") };
            let instance = |scope: Scope<'_>| self.instance(&suffix, None, scope);
            (label, repetition::with_key(&key, &value, numbered, scope, instance))
        };
        let children = keys.into_iter().map(child);
        if numbered {
            Children::Counted(children.map(|(_, child)| child).collect())
        } else {
            Children::Keyed(children.collect())
        }
    }
}

fn make_children(name: &str, block: &Block, scope: Scope<'_>) -> Children {
    let scope = Scope { bindings: None, ..scope };
    if scope.instance.callers.len() >= MAX_MODULE_NESTING {
        return Children::Elsewhere;
    }
    let Some(module) = called_module(block, scope) else { return Children::Elsewhere };
    let mut callers = scope.instance.callers.clone();
    callers.push(scope.instance.module.clone());
    let keys = repetition::keys(block, scope);
    let many = if let Keys::Many(keys) = &keys { keys.len() } else { 1 };
    if callers.iter().any(|c| Rc::ptr_eq(c, &module)) || !scope.context.start_modules(many) {
        return Children::Elsewhere;
    }
    let call = Call { name, block, module, callers };
    let instance = |scope: Scope<'_>| call.instance("", None, scope);
    match keys {
        Keys::One => Children::One(instance(scope)),
        Keys::UnknownCount { each, count } => {
            Children::UnknownCount(repetition::with_each(&each, &count, scope, instance))
        }
        Keys::Many(keys) if keys.is_empty() => call.disabled(scope),
        Keys::Many(keys) => call.repeated(keys, scope),
    }
}
