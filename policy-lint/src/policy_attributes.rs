//! The table of resource attributes that hold a policy, and what resources add to a project.
use iam_policy::PolicyKind;
use iam_policy::model::{Item, NodeSpan, PolicyOrigin};
use source_text::{Data, NodePath, Unknown, Value};
use terraform_eval::Resource;
use terraform_eval::address::split_reference;

use crate::permission;
use crate::project::{Attachment, Project, Unresolved, read_policy};

/// An attribute that holds a policy document as JSON text.
pub(crate) struct PolicyAttribute {
    /// The resource type.
    pub resource: &'static str,
    /// The attribute; `block.attribute` inside a block.
    pub attribute: &'static str,
    /// The kind of the document.
    pub kind: PolicyKind,
}

const fn carrier(resource: &'static str, attribute: &'static str, kind: PolicyKind) -> PolicyAttribute {
    PolicyAttribute { resource, attribute, kind }
}

/// Every policy attribute, sorted by resource type.
pub(crate) const POLICY_ATTRIBUTES: &[PolicyAttribute] = &[
    carrier("aws_acmpca_policy", "policy", PolicyKind::Resource),
    carrier("aws_api_gateway_rest_api", "policy", PolicyKind::Resource),
    carrier("aws_api_gateway_rest_api_policy", "policy", PolicyKind::Resource),
    carrier("aws_backup_vault_policy", "policy", PolicyKind::Resource),
    carrier("aws_bedrockagentcore_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_cloudsearch_domain_service_access_policy", "access_policy", PolicyKind::Resource),
    carrier("aws_cloudtrail_event_data_store_policy", "policy", PolicyKind::Resource),
    carrier("aws_cloudwatch_event_bus_policy", "policy", PolicyKind::Resource),
    carrier("aws_cloudwatch_log_destination_policy", "access_policy", PolicyKind::Resource),
    carrier("aws_cloudwatch_log_resource_policy", "policy_document", PolicyKind::Resource),
    carrier("aws_codeartifact_domain_permissions_policy", "policy_document", PolicyKind::Resource),
    carrier("aws_codeartifact_repository_permissions_policy", "policy_document", PolicyKind::Resource),
    carrier("aws_codebuild_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_dynamodb_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_ecr_registry_policy", "policy", PolicyKind::Ecr),
    carrier("aws_ecr_repository_policy", "policy", PolicyKind::Ecr),
    carrier("aws_ecrpublic_repository_policy", "policy", PolicyKind::Ecr),
    carrier("aws_efs_file_system_policy", "policy", PolicyKind::Resource),
    carrier("aws_elasticsearch_domain", "access_policies", PolicyKind::Resource),
    carrier("aws_elasticsearch_domain_policy", "access_policies", PolicyKind::Resource),
    carrier("aws_glacier_vault", "access_policy", PolicyKind::Resource),
    carrier("aws_glacier_vault_lock", "policy", PolicyKind::Resource),
    carrier("aws_glue_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_iam_group_policy", "policy", PolicyKind::Identity),
    carrier("aws_iam_policy", "policy", PolicyKind::Identity),
    carrier("aws_iam_role", "assume_role_policy", PolicyKind::Trust),
    carrier("aws_iam_role", "inline_policy.policy", PolicyKind::Identity),
    carrier("aws_iam_role_policy", "policy", PolicyKind::Identity),
    carrier("aws_iam_user_policy", "policy", PolicyKind::Identity),
    carrier("aws_iot_policy", "policy", PolicyKind::Identity),
    carrier("aws_kinesis_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_kms_external_key", "policy", PolicyKind::Kms),
    carrier("aws_kms_key", "policy", PolicyKind::Kms),
    carrier("aws_kms_key_policy", "policy", PolicyKind::Kms),
    carrier("aws_kms_replica_external_key", "policy", PolicyKind::Kms),
    carrier("aws_kms_replica_key", "policy", PolicyKind::Kms),
    carrier("aws_lex_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_media_store_container_policy", "policy", PolicyKind::Resource),
    carrier("aws_msk_cluster_policy", "policy", PolicyKind::Resource),
    carrier("aws_networkfirewall_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_networkmanager_core_network_policy_attachment", "resource_policy", PolicyKind::Resource),
    carrier("aws_opensearch_domain", "access_policies", PolicyKind::Resource),
    carrier("aws_opensearch_domain_policy", "access_policies", PolicyKind::Resource),
    carrier("aws_organizations_policy", "content", PolicyKind::Scp),
    carrier("aws_organizations_resource_policy", "content", PolicyKind::Resource),
    carrier("aws_redshift_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_redshiftserverless_resource_policy", "policy", PolicyKind::Resource),
    carrier("aws_s3_access_point", "policy", PolicyKind::S3),
    carrier("aws_s3_bucket", "policy", PolicyKind::S3),
    carrier("aws_s3_bucket_policy", "policy", PolicyKind::S3),
    carrier("aws_s3_directory_bucket_policy", "policy", PolicyKind::S3),
    carrier("aws_s3control_access_point_policy", "policy", PolicyKind::S3),
    carrier("aws_s3control_bucket_policy", "policy", PolicyKind::S3),
    carrier("aws_s3control_multi_region_access_point_policy", "details.policy", PolicyKind::S3),
    carrier("aws_s3control_object_lambda_access_point_policy", "policy", PolicyKind::S3),
    carrier("aws_s3tables_table_bucket_policy", "resource_policy", PolicyKind::Resource),
    carrier("aws_s3tables_table_policy", "resource_policy", PolicyKind::Resource),
    carrier("aws_schemas_registry_policy", "policy", PolicyKind::Resource),
    carrier("aws_secretsmanager_secret", "policy", PolicyKind::Secret),
    carrier("aws_secretsmanager_secret_policy", "policy", PolicyKind::Secret),
    carrier("aws_ses_identity_policy", "policy", PolicyKind::Resource),
    carrier("aws_sesv2_email_identity_policy", "policy", PolicyKind::Resource),
    carrier("aws_sns_topic", "policy", PolicyKind::Sns),
    carrier("aws_sns_topic_policy", "policy", PolicyKind::Sns),
    carrier("aws_sqs_queue", "policy", PolicyKind::Sqs),
    carrier("aws_sqs_queue_policy", "policy", PolicyKind::Sqs),
    carrier("aws_ssoadmin_permission_set_inline_policy", "inline_policy", PolicyKind::Identity),
    carrier("aws_transfer_access", "policy", PolicyKind::Identity),
    carrier("aws_transfer_user", "policy", PolicyKind::Identity),
    carrier("aws_vpc_endpoint", "policy", PolicyKind::Endpoint),
    carrier("aws_vpc_endpoint_policy", "policy", PolicyKind::Endpoint),
    carrier("aws_vpclattice_auth_policy", "policy", PolicyKind::Resource),
    carrier("aws_vpclattice_resource_policy", "policy", PolicyKind::Resource),
];

/// The policy attributes of a resource type.
pub(crate) fn of(resource: &str) -> &'static [PolicyAttribute] {
    let first = POLICY_ATTRIBUTES.partition_point(|c| c.resource < resource);
    let end = POLICY_ATTRIBUTES.partition_point(|c| c.resource <= resource);
    &POLICY_ATTRIBUTES[first..end]
}

/// The values of an attribute; `block.attribute` has one value per block.
pub(crate) fn attribute_values<'a>(values: &'a Value, attribute: &str) -> Vec<&'a Value> {
    match attribute.split_once('.') {
        None => values.get(attribute).into_iter().collect(),
        Some((block, inner)) => {
            // In JSON, a single block may be an object instead of a list.
            let Some(blocks) = values.get(block) else { return Vec::new() };
            let one = std::slice::from_ref(blocks);
            let blocks = if blocks.members().is_empty() { blocks.elements() } else { one };
            blocks.iter().flat_map(|b| attribute_values(b, inner)).collect()
        }
    }
}

/// The kind of a document. A policy of AWS Organizations can be of several kinds; `None` if it is not an IAM policy.
pub(crate) fn kind_of(resource: &Resource, carrier: &PolicyAttribute) -> Option<PolicyKind> {
    if resource.kind != "aws_organizations_policy" {
        return Some(carrier.kind);
    }
    match resource.values.get("type").and_then(Value::as_str) {
        None | Some("SERVICE_CONTROL_POLICY") => Some(PolicyKind::Scp),
        Some("RESOURCE_CONTROL_POLICY") => Some(PolicyKind::Rcp),
        Some(_) => None,
    }
}

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
pub(crate) fn keep(resource: Resource, project: &mut Project) {
    if let Some((value, kind)) = permission::to_policy(&resource) {
        let carrier = PolicyOrigin { resource_type: resource.kind.clone(), attribute: String::from("action") };
        project.policies.push(read_policy(value, kind, Some(resource.address.clone()), carrier));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(POLICY_ATTRIBUTES.is_sorted_by_key(|c| c.resource));
        assert_eq!(of("aws_iam_role").len(), 2);
        assert!(of("aws_instance").is_empty());
    }
}
