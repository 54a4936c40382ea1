//! The table of resource attributes that hold a policy.
use iam_policy::PolicyKind;
use source_text::Value;
use terraform_eval::Resource;

/// An attribute that holds a policy document as JSON text.
pub(crate) struct PolicyAttribute {
    /// The resource type.
    pub resource_type: &'static str,
    /// The attribute; `block.attribute` inside a block.
    pub attribute: &'static str,
    /// The kind of the document.
    pub kind: PolicyKind,
}

const fn entry(resource_type: &'static str, attribute: &'static str, kind: PolicyKind) -> PolicyAttribute {
    PolicyAttribute { resource_type, attribute, kind }
}

/// Every policy attribute, sorted by resource type.
pub(crate) const POLICY_ATTRIBUTES: &[PolicyAttribute] = &[
    entry("aws_acmpca_policy", "policy", PolicyKind::Resource),
    entry("aws_api_gateway_rest_api", "policy", PolicyKind::Resource),
    entry("aws_api_gateway_rest_api_policy", "policy", PolicyKind::Resource),
    entry("aws_backup_vault_policy", "policy", PolicyKind::Resource),
    entry("aws_bedrockagentcore_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_cloudsearch_domain_service_access_policy", "access_policy", PolicyKind::Resource),
    entry("aws_cloudtrail_event_data_store_policy", "policy", PolicyKind::Resource),
    entry("aws_cloudwatch_event_bus_policy", "policy", PolicyKind::Resource),
    entry("aws_cloudwatch_log_destination_policy", "access_policy", PolicyKind::Resource),
    entry("aws_cloudwatch_log_resource_policy", "policy_document", PolicyKind::Resource),
    entry("aws_codeartifact_domain_permissions_policy", "policy_document", PolicyKind::Resource),
    entry("aws_codeartifact_repository_permissions_policy", "policy_document", PolicyKind::Resource),
    entry("aws_codebuild_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_dynamodb_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_ecr_registry_policy", "policy", PolicyKind::Ecr),
    entry("aws_ecr_repository_policy", "policy", PolicyKind::Ecr),
    entry("aws_ecrpublic_repository_policy", "policy", PolicyKind::Ecr),
    entry("aws_efs_file_system_policy", "policy", PolicyKind::Resource),
    entry("aws_elasticsearch_domain", "access_policies", PolicyKind::Resource),
    entry("aws_elasticsearch_domain_policy", "access_policies", PolicyKind::Resource),
    entry("aws_glacier_vault", "access_policy", PolicyKind::Resource),
    entry("aws_glacier_vault_lock", "policy", PolicyKind::Resource),
    entry("aws_glue_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_iam_group_policy", "policy", PolicyKind::Identity),
    entry("aws_iam_policy", "policy", PolicyKind::Identity),
    entry("aws_iam_role", "assume_role_policy", PolicyKind::Trust),
    entry("aws_iam_role", "inline_policy.policy", PolicyKind::Identity),
    entry("aws_iam_role_policy", "policy", PolicyKind::Identity),
    entry("aws_iam_user_policy", "policy", PolicyKind::Identity),
    entry("aws_iot_policy", "policy", PolicyKind::Identity),
    entry("aws_kinesis_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_kms_external_key", "policy", PolicyKind::Kms),
    entry("aws_kms_key", "policy", PolicyKind::Kms),
    entry("aws_kms_key_policy", "policy", PolicyKind::Kms),
    entry("aws_kms_replica_external_key", "policy", PolicyKind::Kms),
    entry("aws_kms_replica_key", "policy", PolicyKind::Kms),
    entry("aws_lex_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_media_store_container_policy", "policy", PolicyKind::Resource),
    entry("aws_msk_cluster_policy", "policy", PolicyKind::Resource),
    entry("aws_networkfirewall_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_networkmanager_core_network_policy_attachment", "resource_policy", PolicyKind::Resource),
    entry("aws_opensearch_domain", "access_policies", PolicyKind::Resource),
    entry("aws_opensearch_domain_policy", "access_policies", PolicyKind::Resource),
    entry("aws_organizations_policy", "content", PolicyKind::Scp),
    entry("aws_organizations_resource_policy", "content", PolicyKind::Resource),
    entry("aws_redshift_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_redshiftserverless_resource_policy", "policy", PolicyKind::Resource),
    entry("aws_s3_access_point", "policy", PolicyKind::S3),
    entry("aws_s3_bucket", "policy", PolicyKind::S3),
    entry("aws_s3_bucket_policy", "policy", PolicyKind::S3),
    entry("aws_s3_directory_bucket_policy", "policy", PolicyKind::S3),
    entry("aws_s3control_access_point_policy", "policy", PolicyKind::S3),
    entry("aws_s3control_bucket_policy", "policy", PolicyKind::S3),
    entry("aws_s3control_multi_region_access_point_policy", "details.policy", PolicyKind::S3),
    entry("aws_s3control_object_lambda_access_point_policy", "policy", PolicyKind::S3),
    entry("aws_s3tables_table_bucket_policy", "resource_policy", PolicyKind::Resource),
    entry("aws_s3tables_table_policy", "resource_policy", PolicyKind::Resource),
    entry("aws_schemas_registry_policy", "policy", PolicyKind::Resource),
    entry("aws_secretsmanager_secret", "policy", PolicyKind::Secret),
    entry("aws_secretsmanager_secret_policy", "policy", PolicyKind::Secret),
    entry("aws_ses_identity_policy", "policy", PolicyKind::Resource),
    entry("aws_sesv2_email_identity_policy", "policy", PolicyKind::Resource),
    entry("aws_sns_topic", "policy", PolicyKind::Sns),
    entry("aws_sns_topic_policy", "policy", PolicyKind::Sns),
    entry("aws_sqs_queue", "policy", PolicyKind::Sqs),
    entry("aws_sqs_queue_policy", "policy", PolicyKind::Sqs),
    entry("aws_ssoadmin_permission_set_inline_policy", "inline_policy", PolicyKind::Identity),
    entry("aws_transfer_access", "policy", PolicyKind::Identity),
    entry("aws_transfer_user", "policy", PolicyKind::Identity),
    entry("aws_vpc_endpoint", "policy", PolicyKind::Endpoint),
    entry("aws_vpc_endpoint_policy", "policy", PolicyKind::Endpoint),
    entry("aws_vpclattice_auth_policy", "policy", PolicyKind::Resource),
    entry("aws_vpclattice_resource_policy", "policy", PolicyKind::Resource),
];

/// The policy attributes of a resource type.
pub(crate) fn of_type(resource_type: &str) -> &'static [PolicyAttribute] {
    let first = POLICY_ATTRIBUTES.partition_point(|a| a.resource_type < resource_type);
    let end = POLICY_ATTRIBUTES.partition_point(|a| a.resource_type <= resource_type);
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
pub(crate) fn kind_of(resource: &Resource, policy_attribute: &PolicyAttribute) -> Option<PolicyKind> {
    if resource.kind != "aws_organizations_policy" {
        return Some(policy_attribute.kind);
    }
    match resource.values.get("type").and_then(Value::as_str) {
        None | Some("SERVICE_CONTROL_POLICY") => Some(PolicyKind::Scp),
        Some("RESOURCE_CONTROL_POLICY") => Some(PolicyKind::Rcp),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(POLICY_ATTRIBUTES.is_sorted_by_key(|a| a.resource_type));
        assert_eq!(of_type("aws_iam_role").len(), 2);
        assert!(of_type("aws_instance").is_empty());
    }
}
