output "resources" {
  description = "Resource names, ARNs and ready-to-use commands for `sluice`, operators and auditors."

  value = {
    data_bucket           = module.data.name
    prefixes              = local.prefixes
    watched               = [for watch in values(local.watched_buckets) : { bucket = watch.bucket, prefixes = watch.prefixes }]
    receipts_bucket       = local.receipts_bucket
    rules                 = values(local.rule_name)
    queue_url             = module.queue.this.url
    queue_arn             = module.queue.arn
    event_dead_letter_url = module.event_dead_letters.this.url
    event_dead_letter_arn = module.event_dead_letters.arn
    queue_dead_letter_url = module.queue_dead_letters.this.url
    queue_dead_letter_arn = module.queue_dead_letters.arn
    function              = module.function.name
    role_arn              = module.function.role_arn
    log_group             = module.function.log_group
    ledger_function       = module.ledger.name
    ledger_role_arn       = module.ledger.role_arn
    ledger_log_group      = module.ledger.log_group
    signing_key           = local.arn.signing_key
    public_key_pem        = data.aws_kms_public_key.signing.public_key_pem
    key_arn               = local.kms_encrypted ? local.deployment.key.arn : null
    trail_bucket          = module.trail_bucket.name
    trail                 = aws_cloudtrail.this.name
    trail_prefix          = local.trail_prefix
    database              = aws_glue_catalog_database.this.name
    workgroup             = aws_athena_workgroup.this.name
    uploader_role_arn     = one(module.uploader[*].arn)
    auditor_role_arn      = one(module.auditor[*].arn)
    operator_role_arn     = one(module.operator[*].arn)

    commands = {
      upload         = "aws s3 cp FILE s3://${local.name.data}/${local.prefixes[0]} --region ${local.deployment.region}"
      close_ledger   = "aws lambda invoke --function-name ${local.name.ledger_function} --cli-binary-format raw-in-base64-out --payload '{\"until\":\"now\"}' --region ${local.deployment.region} /dev/stdout"
      verify         = "sluice verify"
      backfill       = "sluice provenance backfill"
      ask            = "aws athena start-query-execution --work-group ${local.name.workgroup} --query-execution-context Database=${local.name.database} --query-string 'SELECT * FROM provenance_ledger ORDER BY event_time DESC LIMIT 50' --query QueryExecutionId --output text --region ${local.deployment.region}"
      answer         = "aws athena get-query-results --query-execution-id ID --output text --region ${local.deployment.region}"
      validate_trail = "aws cloudtrail validate-logs --trail-arn ${local.arn.trail} --start-time $(date -u -d '1 day ago' +%FT%TZ) --region ${local.deployment.region}"
      follow_log     = "aws logs tail ${module.function.log_group} --follow --region ${local.deployment.region}"
      follow_ledger  = "aws logs tail ${module.ledger.log_group} --follow --region ${local.deployment.region}"
    }
  }
}

output "records" {
  description = "Object ARNs under which operators of other systems write operator records, built from names for use in policies."

  value = {
    resources = [for prefix in [local.journal_prefix, local.operator_prefix] : "${local.arn.receipts}/${prefix}*"]
    encrypted = local.kms_encrypted
  }
}

output "policies" {
  description = "Every policy document of this system, known at plan time."

  value = {
    data               = module.data.this.policy
    receipts           = one(module.receipts[*].this.policy)
    trail_bucket       = module.trail_bucket.this.policy
    queries            = module.queries.this.policy
    queue              = module.queue.this.policy
    event_dead_letters = module.event_dead_letters.this.policy
    queue_dead_letters = module.queue_dead_letters.this.policy
    signing_key        = aws_kms_key.signing.policy
    function           = module.function.policies
    ledger             = module.ledger.policies
    uploader           = one(module.uploader[*].policies)
    auditor            = one(module.auditor[*].policies)
    operator           = one(module.operator[*].policies)
  }
}
