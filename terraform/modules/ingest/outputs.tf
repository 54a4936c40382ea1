output "resources" {
  description = "Names, ARNs and URLs of the resources, and the settings that `sluice` needs."

  value = merge(module.consumer.resources, {
    processing_bucket     = module.processing.name
    processing_bucket_arn = module.processing.arn
    quarantine_bucket     = module.quarantine.name
    quarantine_bucket_arn = module.quarantine.arn
    prefix                = local.prefix
    folders               = local.prefixes
    table                 = aws_dynamodb_table.this.name
    hash_key              = local.settings.table.hash_key
    range_key             = local.settings.table.range_key
    function              = module.function.name
    role_arn              = module.function.role_arn
    log_group             = module.function.log_group
    topic_arn             = module.topic.arn
    uploader_role_arn     = module.uploader.arn
    uploader_user         = one(aws_iam_user.uploader[*].name)
    operator_role_arn     = module.operator.arn
    schema_sha256         = local.schema_sha256
    schema_key            = local.schema_key
    max_object_bytes      = local.max_object_bytes
    check_item_id         = local.settings.check_item_id
    notify_on             = local.settings.notify_on
    rule                  = module.consumer.rule_names.objects
    bus                   = "default"

    commands = {
      upload          = "aws s3 cp item.json s3://${local.name.processing}/${local.prefix} --region ${local.deployment.region}"
      list_quarantine = "aws s3 ls s3://${local.name.quarantine}/${local.prefix} --recursive --region ${local.deployment.region}"
      query           = "aws dynamodb query --table-name ${local.name.table} --key-condition-expression '#key = :value' --expression-attribute-names '{\"#key\":\"${local.settings.table.hash_key}\"}' --expression-attribute-values '{\":value\":{\"S\":\"VALUE\"}}' --region ${local.deployment.region}"
      follow_log      = "aws logs tail ${module.function.log_group} --follow --region ${local.deployment.region}"
    }
  })
}

output "environment" {
  description = "Environment variables of the function `ingest`, with which `sluice ingest run-local` runs its code."
  value       = { ingest = module.function.environment }
}

output "roles" {
  description = "ARNs of the roles; null for a role that is not created."

  value = {
    function = module.function.role_arn
    uploader = module.uploader.arn
    operator = module.operator.arn
  }
}

output "policies" {
  description = "Every policy document of this system as JSON, known at plan time."

  value = merge(module.consumer.policies, {
    processing = module.processing.policy
    quarantine = module.quarantine.policy
    topic      = module.topic.policy
    function   = module.function.policies
    uploader   = module.uploader.policies
    operator   = module.operator.policies
  })
}

output "buckets" {
  description = "Buckets that `provenance` can watch, built from names for use in policies: prefixes (none for the whole bucket), encryption with the KMS key, and the bucket to which files are moved."

  value = {
    ingest     = { bucket = local.name.processing, prefixes = local.prefixes, encrypted = local.kms_encrypted, moved_to = local.name.quarantine }
    quarantine = { bucket = local.name.quarantine, prefixes = local.prefixes, encrypted = local.kms_encrypted, moved_to = null }
  }
}

output "names" {
  description = "Names of the resources that must be unique in a deployment, by kind."
  value       = module.settings.names
}

output "pending_emails" {
  description = "Email addresses whose subscription is not confirmed."
  value       = module.topic.pending_emails
}
