//! Module calls: their instances, the outputs of these, and the value of `module.x` as a whole.
use std::collections::BTreeMap;
use std::rc::Rc;

use source_text::{Data, Member, Span, Text, Unknown, Value};

use super::expression::attribute;
use super::reference::{Step, walk, walk_memoized};
use super::repetition::{self, Keys};
use crate::module::{Arguments, Children, Instance, Module};
use crate::module_files::load;
use crate::scope::{Binding, Scope};
use crate::syntax::{Attribute, Block};
use crate::values::{index, to_text};

/// Depth of nested module calls.
const MAX_MODULE_NESTING: usize = 24;

/// The value of a reference to a called module.
pub(crate) fn module_output(name: &str, rest: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let children = children(name, scope);
    match (&children, rest) {
        (Children::One(child) | Children::UnknownCount(child), [Step::Name(wanted), after @ ..])
        | (Children::UnknownCount(child), [Step::Index(_), Step::Name(wanted), after @ ..]) => {
            return output(child, wanted, after, span, scope);
        }
        (Children::Keyed(all), [Step::Index(key), Step::Name(wanted), after @ ..]) if key.as_str().is_some() => {
            let child = all.iter().find(|(k, _)| key.as_str() == Some(k.as_str()));
            return child.map_or_else(|| scope.fail(span), |(_, c)| output(c, wanted, after, span, scope));
        }
        (Children::Counted(all), [Step::Index(key), Step::Name(wanted), after @ ..]) if !key.is_unknown() => {
            let child = index(key).and_then(|i| all.get(i).cloned());
            return child.map_or_else(|| scope.fail(span), |c| output(&c, wanted, after, span, scope));
        }
        _ => {}
    }
    let whole = |child: &Rc<Instance>| {
        let names: BTreeMap<&String, _> = child.module.outputs.iter().collect();
        let member = |name: &String| member(name, output(child, name, &[], span, scope));
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

fn output(child: &Rc<Instance>, wanted: &str, steps: &[Step<'_>], span: Span, scope: Scope<'_>) -> Value {
    let module = child.module.clone();
    let inner = Scope { context: scope.context, instance: child, file: scope.file, bindings: None };
    match module.outputs.get(wanted).and_then(|o| o.body.attribute("value")) {
        Some(value) => walk_memoized(&format!("output.{wanted}"), steps, span, inner, || attribute(value, inner)),
        None => walk(scope.fail(span), steps, span, scope),
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

/// `each` and `count` in one instance.
type Bound = Vec<(&'static str, Value)>;

/// Arguments of a call that are not variables of the module.
const META_ARGUMENTS: [&str; 6] = ["source", "version", "providers", "count", "for_each", "depends_on"];

impl Call<'_> {
    fn instance(&self, suffix: &str, disabled_at: Option<Span>, bound: Bound, scope: Scope<'_>) -> Rc<Instance> {
        let caller = Rc::downgrade(scope.instance);
        let arguments = Arguments::Call { caller, name: self.name.to_owned(), bound: bound.into() };
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
        Children::Disabled(self.instance("", Some(disabled_at), vec![("each", each), ("count", count)], scope))
    }

    fn repeated(&self, keys: Vec<(Value, Value)>, scope: Scope<'_>) -> Children {
        let numbered = self.block.body.attribute("count").is_some();
        let child = |(key, value): (Value, Value)| {
            let label = to_text(&key).map(|t| t.to_string()).unwrap_or_default();
            let suffix = if numbered { format!("[{label}]") } else { format!("[\"{label}\"]") };
            let bound = vec![repetition::bound_to_key(&key, &value, numbered)];
            (label, self.instance(&suffix, None, bound, scope))
        };
        let children = keys.into_iter().map(child);
        if numbered {
            Children::Counted(children.map(|(_, child)| child).collect())
        } else {
            Children::Keyed(children.collect())
        }
    }
}

/// The value that the call of an instance gives to a variable of its module; `None` if it gives none.
pub(crate) fn argument(name: &str, scope: Scope<'_>) -> Option<Value> {
    let (caller, call, bound) = match &scope.instance.arguments {
        Arguments::Values(values) => return values.get(name).cloned(),
        Arguments::Call { caller, name, bound } => (caller.upgrade()?, name, bound),
    };
    let source = given(&caller.module, call, name)?;
    let plain = Scope { instance: &caller, bindings: None, ..scope };
    Some(match &**bound {
        [] => attribute(source, plain),
        [(one, value)] => attribute(source, plain.bind(&Binding { name: one, value, parent: None })),
        [(each, each_value), (count, count_value), ..] => {
            let outer = Binding { name: each, value: each_value, parent: None };
            attribute(source, plain.bind(&Binding { name: count, value: count_value, parent: Some(&outer) }))
        }
    })
}

/// Whether the call of an instance gives a value to a variable of its module.
pub(crate) fn has_argument(name: &str, instance: &Instance) -> bool {
    match &instance.arguments {
        Arguments::Values(values) => values.contains_key(name),
        Arguments::Call { caller, name: call, .. } => {
            caller.upgrade().is_some_and(|caller| given(&caller.module, call, name).is_some())
        }
    }
}

fn given<'a>(module: &'a Module, call: &str, name: &str) -> Option<&'a Attribute> {
    let block = module.calls.iter().find(|c| c.labels.first().is_some_and(|l| l == call))?;
    block.body.attribute(name).filter(|_| !META_ARGUMENTS.contains(&name))
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
    match keys {
        Keys::One => Children::One(call.instance("", None, Vec::new(), scope)),
        Keys::UnknownCount { each, count } => {
            Children::UnknownCount(call.instance("", None, vec![("each", each), ("count", count)], scope))
        }
        Keys::Many(keys) if keys.is_empty() => call.disabled(scope),
        Keys::Many(keys) => call.repeated(keys, scope),
    }
}
