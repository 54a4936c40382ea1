//! Maps the values of a plan or state to the Terraform source it was made from, so that findings point into the
//! source.
use std::collections::BTreeSet;
use std::path::PathBuf;

use iam_policy::model::Policy;
use source_text::{Data, SourceFiles, Span, Value};
use terraform_eval::address::without_indexes;
use terraform_eval::{Resource, SourceHints};

use crate::terraform::read_planned;

/// The policies and resources of the source.
#[derive(Default)]
pub(super) struct SourceMapper {
    policies: Vec<Policy>,
    resources: Vec<Resource>,
}

impl SourceMapper {
    /// Uses the first of `folders` that declares more than half of what the root module of the plan declares.
    pub(super) fn find(
        plan: &Value,
        resources: &[Resource],
        folders: &[PathBuf],
        files: &mut SourceFiles,
    ) -> SourceMapper {
        let roots: BTreeSet<String> = resources.iter().map(|r| declaration(&r.address)).collect();
        let members = plan.get("variables").map(Value::members).unwrap_or_default();
        let variables = members.iter().filter_map(|m| Some((m.key.raw(), m.value.get("value")?))).collect();
        let hints = SourceHints { declared: &roots, variables };
        let found = folders.iter().find_map(|folder| read_planned(folder, &hints, files));
        found.map_or_else(SourceMapper::default, |p| SourceMapper { policies: p.policies, resources: p.resources })
    }

    /// The policy of an attribute in the source.
    fn policy(&self, address: &str, attribute: &str) -> Option<&Policy> {
        let fits = |p: &&Policy| p.origin.attribute == attribute;
        of_address(&self.policies, address, |p| p.address.as_deref().unwrap_or_default(), fits)
    }

    fn resource(&self, address: &str) -> Option<&Resource> {
        of_address(&self.resources, address, |r| &r.address, |_| true)
    }

    /// Sets the spans of a policy document to those in the source.
    pub(super) fn locate_policy(&self, address: &str, attribute: &str, root: &mut Value) {
        if let Some(policy) = self.policy(address, attribute) {
            align(root, &policy.root);
        } else if let Some(span) = self.location(address, attribute) {
            settle(root, span);
        }
    }

    /// Sets the spans of the attributes of a resource to those in the source.
    pub(super) fn locate_resource(&self, resource: &mut Resource) {
        let Some(written) = self.resource(&resource.address) else { return };
        align(&mut resource.values, &written.values);
        resource.values.span = written.head;
        resource.head = written.head;
    }

    /// The span of an attribute in the source; of the resource if a block sets the attribute.
    pub(super) fn location(&self, address: &str, attribute: &str) -> Option<Span> {
        let written = self.resource(address)?;
        Some(written.values.get(attribute).map_or(written.head, |v| v.span))
    }
}

/// The item with an address, or the one that represents all instances in the source.
fn of_address<'a, T>(
    all: &'a [T],
    address: &str,
    address_of: impl Fn(&T) -> &str,
    fits: impl Fn(&&'a T) -> bool,
) -> Option<&'a T> {
    let exact = all.iter().find(|t| address_of(t) == address && fits(t));
    let bare = without_indexes(address);
    exact.or_else(|| all.iter().find(|t| without_indexes(address_of(t)) == bare && fits(t)))
}

/// The declaration of an address in the root module: `module.name` or `type.name`.
fn declaration(address: &str) -> String {
    let bare = without_indexes(address);
    bare.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// Sets the span of every part of `plan` to that of its part of `source`, or of what contains that.
fn align(plan: &mut Value, source: &Value) {
    match (&mut plan.data, &source.data) {
        (_, Data::Encoded(inner)) => return align(plan, inner),
        (Data::Object(members), Data::Object(_)) => {
            for member in members {
                let written = source.members().iter().find(|m| m.key.raw() == member.key.raw());
                member.key_span = written.map_or(source.span, |m| m.key_span);
                match written {
                    Some(written) => align(&mut member.value, &written.value),
                    None => settle(&mut member.value, source.span),
                }
            }
        }
        (Data::Array(elements), Data::Array(written)) => {
            let same_length = elements.len() == written.len();
            for (number, element) in elements.iter_mut().enumerate() {
                match counterpart(element, written).or_else(|| written.get(number).filter(|_| same_length)) {
                    Some(written) => align(element, written),
                    None => settle(element, source.span),
                }
            }
        }
        // Terraform writes a list of one element as the element.
        (Data::Array(elements), _) => elements.iter_mut().for_each(|e| align(e, source)),
        (_, Data::Array(written)) => match (counterpart(plan, written), &**written) {
            (Some(written), _) | (None, [written]) => return align(plan, written),
            _ => settle(plan, source.span),
        },
        _ => settle(plan, source.span),
    }
    plan.span = source.span;
}

/// The same element of a list in another order: the statement with the same `Sid`, or the same text.
fn counterpart<'a>(element: &Value, written: &'a [Value]) -> Option<&'a Value> {
    match &element.data {
        Data::Object(_) => {
            let sid = element.get("Sid").and_then(Value::as_str).filter(|s| !s.is_empty())?;
            written.iter().find(|w| w.get("Sid").and_then(Value::as_str) == Some(sid))
        }
        Data::String(text) => written.iter().find(|w| w.as_text().is_some_and(|t| t.raw() == text.raw())),
        _ => None,
    }
}

/// Sets the span of a value and of everything in it.
fn settle(value: &mut Value, span: Span) {
    value.span = span;
    match &mut value.data {
        Data::Array(elements) => elements.iter_mut().for_each(|e| settle(e, span)),
        Data::Object(members) => members.iter_mut().for_each(|m| {
            m.key_span = span;
            settle(&mut m.value, span);
        }),
        _ => {}
    }
}
