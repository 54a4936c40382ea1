//! What policies grant: actions by patterns, denials, and who holds which policies.
use iam_policy::pattern;
use source_text::{Data, PLACEHOLDER, Text, Unknown, Value};
use terraform_eval::{Resource, address};

use crate::policy_attributes;
use crate::project::Project;

mod identities;
mod resource_index;

pub use identities::{Identity, boundaries, identities};

/// Whether a value names a resource: by its address, or by the value of one of its attributes.
pub fn refers_to(value: &Value, resource: &Resource, attributes: &[&str]) -> bool {
    // Nearly all pairs part here, and this is asked of every pair.
    let head = resource.address.split('[').next().unwrap_or_default();
    let referenced = |reference: &str| {
        reference.starts_with(head)
            && address::split_reference(reference).is_some_and(|(a, _, _)| address::same_resource(a, &resource.address))
    };
    match &value.data {
        Data::Unknown(unknown) => unknown.reference.as_deref().is_some_and(referenced),
        Data::String(text) if !text.is_known() => {
            let whole = text.unknowns().len() == 1 && text.raw().chars().count() == 1;
            let same = |other: &Text| other.raw() == text.raw() && other.unknowns() == text.unknowns();
            whole && text.unknowns()[0].reference.as_deref().is_some_and(referenced)
                || !whole
                    && attributes.iter().any(|a| resource.values.get(a).and_then(Value::as_text).is_some_and(same))
        }
        Data::String(text) => {
            attributes.iter().any(|a| resource.values.get(a).and_then(Value::as_str) == Some(text.raw()))
        }
        _ => false,
    }
}

/// Whether a value names a resource for all that is known here: not where it says another one. Whoever complains of
/// something that is missing asks this, for what only an apply can tell may be it.
pub fn may_refer_to(value: Option<&Value>, resource: &Resource, attributes: &[&str]) -> bool {
    let Some(value) = value else { return true };
    if refers_to(value, resource, attributes) {
        return true;
    }
    let other = |unknown: &Unknown| {
        let referred = unknown.reference.as_deref().and_then(address::split_reference);
        referred.is_some_and(|(address, kind, _)| kind == resource.kind && !address.contains("data."))
    };
    match &value.data {
        Data::Unknown(unknown) => !other(unknown),
        Data::String(text) if text.raw().chars().eq([PLACEHOLDER]) => !text.unknowns().iter().any(other),
        Data::String(text) => {
            let given =
                |keys: &[&str]| keys.iter().filter_map(|k| resource.values.get(k)?.as_text()).collect::<Vec<_>>();
            let (own, named) = (given(attributes), given(&["name", "bucket", "function_name"]));
            match (own.as_slice(), named.first()) {
                ([], Some(name)) => pattern::overlaps(text.raw(), &format!("*{}", name.raw())),
                ([], None) => true,
                (own, _) => own.iter().any(|o| pattern::overlaps(text.raw(), o.raw())),
            }
        }
        _ => false,
    }
}

/// Whether somebody has policies, or may have, that cannot be read here; of a policy that nobody is known to hold,
/// whether somebody with more may hold it.
pub fn has_unread(project: &Project, holder: &Resource) -> bool {
    let kind = match holder.kind.strip_prefix("aws_iam_") {
        Some(kind @ ("role" | "user" | "group")) => kind,
        _ => return may_be_held(project, holder),
    };
    let sure = |r: &Resource| {
        let read = |r: &Resource| project.policies.iter().any(|p| p.address.as_ref() == Some(&r.address));
        let attached = |arn: &Value| project.of_kind("aws_iam_policy").any(|p| refers_to(arn, p, &["arn"]) && read(p));
        let ours = r.values.get(kind).is_some_and(|v| refers_to(v, holder, &["name"]));
        ours && r.values.get("policy_arn").map_or_else(|| read(r), attached)
    };
    let is_ours = |v: &Value| may_refer_to(Some(v), holder, &["name"]);
    let speaks_of_it = |r: &&Resource| {
        let many = r.values.get(&format!("{kind}s"));
        let one = r.values.get(kind).or_else(|| r.values.get(&format!("{kind}_name")));
        one.is_some_and(is_ours) || many.is_some_and(|v| v.is_unknown() || v.elements().iter().any(is_ours))
    };
    let gives = |r: &&Resource| r.kind.starts_with("aws_iam_") && r.kind.contains("_policy");
    let inline = policy_attributes::attribute_values(&holder.values, "inline_policy.policy");
    project.resources.iter().filter(gives).filter(speaks_of_it).any(|r| !sure(r))
        || project.attachments.iter().any(|a| a.address == holder.address)
        || inline.into_iter().chain(holder.values.get("managed_policy_arns")).any(Value::is_unknown)
}

fn may_be_held(project: &Project, policy: &Resource) -> bool {
    let open = |r: &Resource| r.values.get("policy_arn").is_some_and(|v| may_refer_to(Some(v), policy, &["arn"]));
    ["role", "user", "group"].iter().any(|k| policy.values.get(k).is_some_and(Value::is_unknown))
        || policy.kind == "aws_iam_policy" && project.resources.iter().any(open)
}
