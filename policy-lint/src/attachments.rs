//! Resources of a project, the policies that they attach by ARN, and the policies that they represent.
use iam_policy::model::{Item, NodeSpan, PolicyOrigin};
use source_text::{Data, NodePath, Unknown, Value};
use terraform_eval::Resource;
use terraform_eval::address::split_reference;

use crate::permission;
use crate::project::{Attachment, Project, Unresolved, read_policy};

/// Attributes that attach policies by ARN.
pub(crate) const ATTACHMENTS: &[(&str, &str)] = &[
    ("aws_iam_group_policy_attachment", "policy_arn"),
    ("aws_iam_policy_attachment", "policy_arn"),
    ("aws_iam_role", "managed_policy_arns"),
    ("aws_iam_role_policy_attachment", "policy_arn"),
    ("aws_iam_role_policy_attachments_exclusive", "policy_arns"),
    ("aws_iam_user_policy_attachment", "policy_arn"),
    ("aws_ssoadmin_managed_policy_attachment", "managed_policy_arn"),
];

/// Adds a resource, the policies that it attaches by ARN, and the policy that it represents.
pub(crate) fn add_resource(resource: Resource, project: &mut Project) {
    if let Some((value, kind)) = permission::to_policy(&resource) {
        let origin = PolicyOrigin { resource_type: resource.kind.clone(), attribute: String::from("action") };
        project.policies.push(read_policy(value, kind, Some(resource.address.clone()), origin));
    }
    for (_, attribute) in ATTACHMENTS.iter().filter(|(kind, _)| *kind == resource.kind) {
        if let Some(value) = resource.values.get(attribute) {
            attach(value, &resource, attribute, project);
        }
    }
    project.resources.push(resource);
}

/// Adds every policy that an attribute can attach; a value that neither the source nor another resource determines is
/// unresolved.
fn attach(value: &Value, resource: &Resource, attribute: &'static str, project: &mut Project) {
    match &value.data {
        Data::String(text) => {
            let at = NodeSpan { span: value.span, node_path: NodePath::default() };
            project.attachments.push(Attachment {
                address: resource.address.clone(),
                arn: Item { text: text.clone(), at },
                origin: PolicyOrigin { resource_type: resource.kind.clone(), attribute: attribute.to_owned() },
            });
        }
        Data::Array(all) => all.iter().for_each(|v| attach(v, resource, attribute, project)),
        Data::Unknown(unknown) if !unknown.candidates.is_empty() => {
            unknown.candidates.iter().for_each(|v| attach(v, resource, attribute, project));
        }
        Data::Unknown(unknown) if resource.from_source && !is_policy_here(unknown) => {
            project.unresolved.push(Unresolved {
                span: value.span,
                what: unknown.source.clone(),
                why: format!("`{attribute}` of `{}` is unknown before a plan", resource.address),
            })
        }
        _ => {}
    }
}

/// Whether an unknown value is a policy of the same source, which is checked where it is declared.
fn is_policy_here(unknown: &Unknown) -> bool {
    unknown.reference.as_deref().and_then(split_reference).is_some_and(|(_, kind, _)| kind == "aws_iam_policy")
        && unknown.reference.as_deref().is_some_and(|r| !r.contains("data."))
}
