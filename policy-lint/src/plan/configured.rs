//! Where unknown attributes of a plan come from. The configuration in the plan is followed through the arguments and
//! outputs of modules to the address of a resource.
use std::collections::{BTreeSet, HashMap, HashSet};

use source_text::{Data, Member, Span, Text, Unknown, Value};
use terraform_eval::Resource;
use terraform_eval::address::{instance_key, split_reference, steps, without_indexes};

use super::changes::gather_references;

/// Arguments and outputs that a value is followed through.
const MAX_REFERENCE_DEPTH: usize = 32;

/// The configuration of a plan, by addresses without instance keys.
#[derive(Default)]
pub(super) struct Configured<'a> {
    /// The configured resources.
    resources: HashMap<String, &'a Value>,
    /// The module calls.
    calls: HashMap<String, &'a Value>,
    /// The addresses of resource instances.
    instances: HashSet<&'a str>,
    /// Whether the plan has a configuration.
    any: bool,
}

/// The module instance and the block that contain an expression.
#[derive(Clone, Copy)]
struct ExpressionSite<'s> {
    /// The address of the module, with its dot.
    module: &'s str,
    /// The block.
    block: Option<&'s Value>,
    /// The instance key of the block with its brackets; empty if it is not repeated.
    key: &'s str,
    depth: usize,
}

impl<'a> Configured<'a> {
    /// The configuration of a plan.
    pub(super) fn of(plan: &'a Value) -> Configured<'a> {
        let root = plan.path(&["configuration", "root_module"]);
        let changes = plan.get("resource_changes").map(Value::elements).unwrap_or_default();
        let instances = changes.iter().filter_map(|c| c.get("address")?.as_str()).collect();
        let mut configured = Configured { any: root.is_some(), instances, ..Configured::default() };
        configured.collect(root, "");
        configured
    }

    fn collect(&mut self, module: Option<&'a Value>, prefix: &str) {
        let Some(module) = module else { return };
        for resource in module.get("resources").map(Value::elements).unwrap_or_default() {
            if let Some(address) = resource.get("address").and_then(Value::as_str) {
                self.resources.insert(format!("{prefix}{address}"), resource);
            }
        }
        for call in module.get("module_calls").map(Value::members).unwrap_or_default() {
            let address = format!("{prefix}module.{}", call.key.raw());
            self.collect(call.value.get("module"), &format!("{address}."));
            self.calls.insert(address, &call.value);
        }
    }

    /// Adds the attributes of a resource that are configured and known after apply.
    pub(super) fn fill(&self, resource: &mut Resource, unknown: &Value) {
        let block = self.resources.get(&without_indexes(&resource.address)).copied();
        let address = resource.address.clone();
        let site = ExpressionSite { module: module_of(&address), block, key: instance_key(&address), depth: 0 };
        self.open(&mut resource.values, unknown, block.and_then(|b| b.get("expressions")), site);
    }

    fn open(&self, values: &mut Value, unknown: &Value, written: Option<&Value>, site: ExpressionSite<'_>) {
        let span = values.span;
        match &mut values.data {
            Data::Object(all) => {
                let mut members = std::mem::take(all).into_vec();
                for part in unknown.members() {
                    let key = part.key.raw();
                    let inner = written.and_then(|w| w.get(key).or_else(|| w.get("references").map(|_| w)));
                    let own = members.iter().position(|m| m.key.raw() == key);
                    match (is_whole(&part.value), own) {
                        (true, own) if inner.is_some() || !self.any => {
                            let value = self.unresolved_value(inner, span, site);
                            let member = Member { key: Text::known(key), key_span: span, value };
                            match own {
                                Some(at) => members[at] = member,
                                None => members.push(member),
                            }
                        }
                        (false, Some(at)) => self.open(&mut members[at].value, &part.value, inner, site),
                        _ => {}
                    }
                }
                *all = members.into();
            }
            Data::Array(elements) => {
                let blocks = written.map(Value::elements).unwrap_or_default();
                let same = blocks.len() == elements.len();
                for (number, (element, part)) in elements.iter_mut().zip(unknown.elements()).enumerate() {
                    let inner = if same { blocks.get(number) } else { blocks.first().or(written) };
                    if is_whole(part) {
                        *element = self.unresolved_value(inner, span, site);
                    } else {
                        self.open(element, part, inner, site);
                    }
                }
            }
            _ => {}
        }
    }

    /// The unknown value of an expression; a reference if it can only be the attribute of one resource.
    fn unresolved_value(&self, expression: Option<&Value>, span: Span, site: ExpressionSite<'_>) -> Value {
        let found = expression.and_then(|e| self.targets(e, site)).unwrap_or_default();
        let mut addresses: Vec<&str> = found.iter().filter_map(|r| Some(split_reference(r)?.0)).collect();
        addresses.dedup();
        let reference = found.first().filter(|_| addresses.len() == 1).cloned();
        let source = reference.clone().unwrap_or_else(|| String::from("known after apply"));
        Value::unknown(Unknown { source, reference, ..Unknown::default() }, span)
    }

    /// The attributes that an expression refers to; `None` if a reference cannot be followed.
    fn targets(&self, expression: &Value, site: ExpressionSite<'_>) -> Option<BTreeSet<String>> {
        let site = ExpressionSite { depth: site.depth + 1, ..site };
        let mut references = Vec::new();
        gather_references(expression, &mut references);
        // Terraform lists `a.b` too for a reference to `a.b.c`.
        let longer =
            |r: &str| references.iter().any(|o| o.strip_prefix(r).is_some_and(|rest| rest.starts_with(['.', '['])));
        let mut found = BTreeSet::new();
        let (own, others): (Vec<&String>, Vec<&String>) =
            references.iter().filter(|r| !longer(r)).partition(|r| matches!(r.as_str(), "each.key" | "count.index"));
        for reference in &others {
            found.extend(self.follow(reference, site)?);
        }
        // For `x[each.key].y` Terraform lists `x` and `each.key`: this is the instance with the same key.
        if let ([_], [only]) = (own.as_slice(), others.as_slice()) {
            let instance = format!("{}{only}{}", site.module, site.key);
            if self.instances.contains(instance.as_str()) {
                found = BTreeSet::from([format!("{instance}.*")]);
            }
        }
        (!found.is_empty() && site.depth < MAX_REFERENCE_DEPTH).then_some(found)
    }

    fn follow(&self, reference: &str, site: ExpressionSite<'_>) -> Option<BTreeSet<String>> {
        let module = site.module;
        let parts: Vec<&str> = steps(reference).collect();
        match parts.as_slice() {
            ["count" | "path" | "terraform", ..] | ["each", "key"] => Some(BTreeSet::new()),
            ["each", "value", rest @ ..] => {
                let every = self.targets(site.block?.get("for_each_expression")?, site)?;
                let attribute = rest.first().unwrap_or(&"*");
                Some(
                    every
                        .iter()
                        .map(|r| r.strip_suffix('*').map_or(r.clone(), |r| format!("{r}{attribute}")))
                        .collect(),
                )
            }
            ["var", name, ..] => {
                let call = module.strip_suffix('.')?;
                let block = self.calls.get(&without_indexes(call)).copied()?;
                let outer =
                    ExpressionSite { module: module_of(call), block: Some(block), key: instance_key(call), ..site };
                self.targets(block.get("expressions")?.get(name.split('[').next()?)?, outer)
            }
            ["module", call, output, ..] => {
                let address = format!("{module}module.{call}");
                let block = self.calls.get(&without_indexes(&address)).copied()?;
                let value = block.path(&["module", "outputs", output.split('[').next()?, "expression"])?;
                self.targets(value, ExpressionSite { module: &format!("{address}."), block: None, key: "", ..site })
            }
            ["data" | "local" | "each" | "self" | "module" | "var", ..] => None,
            [kind, name, rest @ ..] => {
                let attribute = rest.first().and_then(|a| a.split('[').next()).unwrap_or("*");
                Some(BTreeSet::from([format!("{module}{kind}.{name}.{attribute}")]))
            }
            _ => None,
        }
    }
}

/// Whether the whole value is known after apply.
fn is_whole(unknown: &Value) -> bool {
    matches!(unknown.data, Data::Bool(true))
}

/// The module of an address, with its dot: all but the last two steps.
fn module_of(address: &str) -> &str {
    let all: Vec<&str> = steps(address).collect();
    let own: usize = all.iter().rev().take(2).map(|s| s.len() + 1).sum();
    address.get(..(address.len() + 1).saturating_sub(own)).unwrap_or_default()
}
