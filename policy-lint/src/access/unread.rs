//! Policies that exist and cannot be read.
use source_text::Value;
use terraform_eval::Resource;

use super::references::{may_refer_to, refers_to};
use crate::policy_attributes;
use crate::project::Project;

/// Whether a role, user or group has, or may have, policies that cannot be read. For a policy without a known holder:
/// whether an identity with other policies may hold it.
pub(crate) fn has_unread(project: &Project, holder: &Resource) -> bool {
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
