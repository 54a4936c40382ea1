output "resources" {
  description = "Resource names, ARNs and ready-to-use commands for `sluice` and for operators."

  value = {
    processing_bucket     = module.processing.name
    quarantine_bucket     = module.quarantine.name
    prefix                = local.prefix
    table                 = aws_dynamodb_table.this.name
    hash_key              = var.settings.table.hash_key
    range_key             = var.settings.table.range_key
    queue_url             = module.queue.this.url
    queue_arn             = module.queue.arn
    event_dead_letter_url = module.event_dead_letters.this.url
    event_dead_letter_arn = module.event_dead_letters.arn
    queue_dead_letter_url = module.queue_dead_letters.this.url
    queue_dead_letter_arn = module.queue_dead_letters.arn
    function              = module.function.name
    role_arn              = module.function.role_arn
    log_group             = module.function.log_group
    topic_arn             = module.topic.arn
    uploader_role_arn     = one(module.uploader[*].arn)
    operator_role_arn     = one(module.operator[*].arn)
    schema_sha256         = local.schema_sha256
    schema_key            = local.schema_key
    max_object_bytes      = local.max_object_bytes
    check_item_id         = var.settings.check_item_id
    notify_on             = var.settings.notify_on
    rule                  = aws_cloudwatch_event_rule.this.name
    bus                   = "default"

    commands = {
      upload          = "aws s3 cp item.json s3://${local.name.processing}/${local.prefix} --region ${local.deployment.region}"
      list_quarantine = "aws s3 ls s3://${local.name.quarantine}/${local.prefix} --recursive --region ${local.deployment.region}"
      query           = "aws dynamodb query --table-name ${local.name.table} --key-condition-expression '#key = :value' --expression-attribute-names '{\"#key\":\"${var.settings.table.hash_key}\"}' --expression-attribute-values '{\":value\":{\"S\":\"Knock2\"}}' --region ${local.deployment.region}"
      follow_log      = "aws logs tail ${module.function.log_group} --follow --region ${local.deployment.region}"
    }
  }
}

output "policies" {
  description = "Every policy document of this system, known at plan time."

  value = {
    processing         = module.processing.this.policy
    quarantine         = module.quarantine.this.policy
    queue              = module.queue.this.policy
    event_dead_letters = module.event_dead_letters.this.policy
    queue_dead_letters = module.queue_dead_letters.this.policy
    topic              = module.topic.this.policy
    function           = module.function.policies
    uploader           = one(module.uploader[*].policies)
    operator           = one(module.operator[*].policies)
  }
}

output "announces" {
  description = "The buckets and prefixes whose events are sent to the default event bus, built from names for use in policies."

  value = {
    bucket     = local.name.processing
    quarantine = local.name.quarantine
    prefixes   = local.prefix == "" ? [] : [local.prefix]
    encrypted  = local.kms_encrypted
  }
}

output "pending_emails" {
  value = module.topic.pending_emails
}
