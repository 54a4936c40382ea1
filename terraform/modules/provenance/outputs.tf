output "resources" {
  description = "Names, ARNs and URLs of the resources, ready-to-use commands, and the settings that `sluice` needs."

  value = merge(module.consumer.resources, {
    data_bucket         = module.data.name
    data_bucket_arn     = module.data.arn
    folders             = distinct(concat(local.prefixes, [for folder in local.settings.data_bucket.folders : "${trimsuffix(folder, "/")}/"]))
    prefixes            = local.prefixes
    watched             = [for watch in values(local.watched_buckets) : { bucket = watch.bucket, prefixes = watch.prefixes }]
    receipts_bucket     = local.receipts_bucket
    receipts_bucket_arn = local.arn.receipts
    rules               = values(module.consumer.rule_names)
    function            = module.function.name
    role_arn            = module.function.role_arn
    log_group           = module.function.log_group
    ledger_function     = module.ledger.name
    ledger_role_arn     = module.ledger.role_arn
    ledger_log_group    = module.ledger.log_group
    signing_key         = local.arn.signing_key
    public_key_pem      = data.aws_kms_public_key.signing.public_key_pem
    key_arn             = local.kms_encrypted ? var.key.arn : null
    trail_bucket        = module.trail_bucket.name
    trail_bucket_arn    = module.trail_bucket.arn
    trail               = aws_cloudtrail.this.name
    trail_prefix        = local.trail_prefix
    database            = aws_glue_catalog_database.this.name
    workgroup           = aws_athena_workgroup.this.name
    uploader_role_arn   = module.uploader.arn
    auditor_role_arn    = module.auditor.arn
    operator_role_arn   = module.operator.arn

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
  })
}

output "environment" {
  description = "Environment variables of the functions `provenance` and `ledger`."
  value       = { provenance = module.function.environment, ledger = module.ledger.environment }
}

output "roles" {
  description = "ARNs of the roles; null for a role that is not created."

  value = {
    function = module.function.role_arn
    ledger   = module.ledger.role_arn
    uploader = module.uploader.arn
    auditor  = module.auditor.arn
    operator = module.operator.arn
  }
}

output "watch" {
  description = "The watched buckets of other systems, by their names in `buckets`."
  value       = local.watch
}

output "trail" {
  description = "ARN of the trail, built from names, and whether it uses the KMS key, whose policy must then allow it."
  value       = { arn = local.arn.trail, encrypted = local.kms_encrypted }
}

output "names" {
  description = "Names of the resources that must be unique in a deployment, by kind."
  value       = module.settings.names
}

output "records" {
  description = "Object ARNs under which operators of other systems write operator records, built from names for use in policies."

  value = {
    resources = [for prefix in [local.journal_prefix, local.operator_prefix] : "${local.arn.receipts}/${prefix}*"]
    encrypted = local.kms_encrypted
  }
}

output "policies" {
  description = "Every policy document of this system as JSON, known at plan time."

  value = merge(module.consumer.policies, {
    data         = module.data.policy
    receipts     = one(module.receipts[*].policy)
    trail_bucket = module.trail_bucket.policy
    queries      = module.queries.policy
    signing_key  = aws_kms_key.signing.policy
    function     = module.function.policies
    ledger       = module.ledger.policies
    uploader     = module.uploader.policies
    auditor      = module.auditor.policies
    operator     = module.operator.policies
  })
}
