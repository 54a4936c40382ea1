//! The source that a plan or state was made from: where it is beside the plan, values of the plan get the places
//! they have in the source, so that everything that is said about them points there.
use std::collections::BTreeSet;
use std::path::PathBuf;

use iam_policy::model::Policy;
use source_text::{Data, SourceFiles, Span, Value};
use terraform_eval::address::without_indexes;
use terraform_eval::{Resource, SourceHints};

use crate::terraform::read_planned;

/// What the source says, by the addresses that the plan uses.
#[derive(Default)]
pub struct SourceMapper {
    policies: Vec<Policy>,
    resources: Vec<Resource>,
}

impl SourceMapper {
    /// Looks into `folders`, the likeliest first, for one that declares most of what the plan's root declares.
    pub fn find(plan: &Value, resources: &[Resource], folders: &[PathBuf], files: &mut SourceFiles) -> SourceMapper {
        let roots: BTreeSet<String> = resources.iter().map(|r| declaration(&r.address)).collect();
        let given = plan.get("variables").map(Value::members).unwrap_or_default();
        let given = given.iter().filter_map(|m| Some((m.key.raw(), m.value.get("value")?))).collect();
        let written = SourceHints { declared: &roots, variables: given };
        let found = folders.iter().find_map(|folder| read_planned(folder, &written, files));
        found.map_or_else(SourceMapper::default, |p| SourceMapper { policies: p.policies, resources: p.resources })
    }

    /// The policy that the source has where the plan has one.
    fn policy(&self, address: &str, attribute: &str) -> Option<&Policy> {
        let fits = |p: &&Policy| p.origin.attribute == attribute;
        of_address(&self.policies, address, |p| p.address.as_deref().unwrap_or_default(), fits)
    }

    fn resource(&self, address: &str) -> Option<&Resource> {
        of_address(&self.resources, address, |r| &r.address, |_| true)
    }

    /// Gives a policy of the plan its places in the source.
    pub fn locate_policy(&self, address: &str, attribute: &str, root: &mut Value) {
        if let Some(policy) = self.policy(address, attribute) {
            align(root, &policy.root);
        } else if let Some(span) = self.location(address, attribute) {
            settle(root, span);
        }
    }

    /// Gives the attributes of a resource of the plan their places in the source.
    pub fn locate_resource(&self, resource: &mut Resource) {
        let Some(written) = self.resource(&resource.address) else { return };
        align(&mut resource.values, &written.values);
        resource.values.span = written.head;
        resource.head = written.head;
    }

    /// Where the source sets an attribute; the resource's first line when a block in it does.
    pub fn location(&self, address: &str, attribute: &str) -> Option<Span> {
        let written = self.resource(address)?;
        Some(written.values.get(attribute).map_or(written.head, |v| v.span))
    }
}

/// The one of an address, or the one that stands for all instances where the source does not tell them apart.
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

/// What a root module declares for an address: `module.x`, or type and name.
fn declaration(address: &str) -> String {
    let bare = without_indexes(address);
    bare.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// Gives every part of `plan` the place of the part of `source` that it comes from, or of what is around it.
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
        // Terraform writes a list of one as the one.
        (Data::Array(elements), _) => elements.iter_mut().for_each(|e| align(e, source)),
        (_, Data::Array(written)) => match (counterpart(plan, written), &**written) {
            (Some(written), _) | (None, [written]) => return align(plan, written),
            _ => settle(plan, source.span),
        },
        _ => settle(plan, source.span),
    }
    plan.span = source.span;
}

/// The element of a list that is the same: by `Sid`, or by what it says; Terraform sorts lists as it likes.
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

/// Gives a value and all in it one place.
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
