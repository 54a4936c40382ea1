locals {
  deployment = var.deployment
  settings   = module.settings.settings # what refers to it waits for the checks

  # Whether data and receipts share a bucket. Their prefixes never overlap.
  receipts_in_data_bucket = var.settings.receipts_bucket.in_data_bucket

  # The resources whose names can be set, each with its kind and the attribute that overrides the default.
  names = {
    data            = { kind = "bucket", attribute = "data_bucket.name", name = coalesce(var.settings.data_bucket.name, "${local.deployment.name}-data-${local.deployment.bucket_suffix}") }
    trail_bucket    = { kind = "bucket", attribute = "trail.bucket_name", name = coalesce(var.settings.trail.bucket_name, "${local.deployment.name}-trail-${local.deployment.bucket_suffix}") }
    queries         = { kind = "bucket", attribute = "athena.bucket_name", name = coalesce(var.settings.athena.bucket_name, "${local.deployment.name}-queries-${local.deployment.bucket_suffix}") }
    rule            = { kind = "rule", attribute = "names.rule", name = coalesce(var.settings.names.rule, "${local.deployment.name}-provenance") }
    queue           = { kind = "consumer_queue", attribute = "names.queue", name = coalesce(var.settings.names.queue, "${local.deployment.name}-provenance") }
    function        = { kind = "function", attribute = "names.function", name = coalesce(var.settings.names.function, "${local.deployment.name}-provenance") }
    function_role   = { kind = "role", attribute = "names.function_role", name = coalesce(var.settings.names.function_role, "${local.deployment.name}-provenance${local.deployment.role_suffix}") }
    schedule        = { kind = "rule", attribute = "names.schedule", name = coalesce(var.settings.names.schedule, "${local.deployment.name}-ledger") }
    ledger_function = { kind = "function", attribute = "names.ledger_function", name = coalesce(var.settings.names.ledger_function, "${local.deployment.name}-ledger") }
    ledger_role     = { kind = "role", attribute = "names.ledger_role", name = coalesce(var.settings.names.ledger_role, "${local.deployment.name}-ledger${local.deployment.role_suffix}") }
    signing_key     = { kind = "key_alias", attribute = "names.signing_key", name = "alias/${coalesce(var.settings.names.signing_key, "${local.deployment.name}-ledger")}" }
    trail           = { kind = "trail", attribute = "names.trail", name = coalesce(var.settings.names.trail, "${local.deployment.name}-provenance") }
    database        = { kind = "database", attribute = "names.database", name = coalesce(var.settings.names.database, replace("${local.deployment.name}-provenance", "-", "_")) }
    workgroup       = { kind = "workgroup", attribute = "names.workgroup", name = coalesce(var.settings.names.workgroup, "${local.deployment.name}-provenance") }
    uploader_role   = { kind = "role", attribute = "names.uploader_role", name = coalesce(var.settings.names.uploader_role, "${local.deployment.name}-provenance-uploader${local.deployment.role_suffix}") }
    auditor_role    = { kind = "role", attribute = "names.auditor_role", name = coalesce(var.settings.names.auditor_role, "${local.deployment.name}-provenance-auditor${local.deployment.role_suffix}") }
    operator_role   = { kind = "role", attribute = "names.operator_role", name = coalesce(var.settings.names.operator_role, "${local.deployment.name}-provenance-operator${local.deployment.role_suffix}") }
  }
  name                 = { for key, resource in local.names : key => resource.name }
  receipts_bucket_name = local.receipts_in_data_bucket ? local.name.data : coalesce(var.settings.receipts_bucket.name, "${local.deployment.name}-receipts-${local.deployment.bucket_suffix}")

  # Built from names, so that every policy document is known at plan time.
  arn = {
    data         = "arn:${local.deployment.partition}:s3:::${local.name.data}"
    receipts     = "arn:${local.deployment.partition}:s3:::${local.receipts_bucket_name}"
    trail_bucket = "arn:${local.deployment.partition}:s3:::${local.name.trail_bucket}"
    queries      = "arn:${local.deployment.partition}:s3:::${local.name.queries}"
    schedule     = "arn:${local.deployment.partition}:events:${local.deployment.region}:${local.deployment.account_id}:rule/${local.name.schedule}"
    signing_key  = "arn:${local.deployment.partition}:kms:${local.deployment.region}:${local.deployment.account_id}:${local.name.signing_key}"
    trail        = "arn:${local.deployment.partition}:cloudtrail:${local.deployment.region}:${local.deployment.account_id}:trail/${local.name.trail}"
    workgroup    = "arn:${local.deployment.partition}:athena:${local.deployment.region}:${local.deployment.account_id}:workgroup/${local.name.workgroup}"
    catalog      = "arn:${local.deployment.partition}:glue:${local.deployment.region}:${local.deployment.account_id}:catalog"
    database     = "arn:${local.deployment.partition}:glue:${local.deployment.region}:${local.deployment.account_id}:database/${local.name.database}"
    tables       = "arn:${local.deployment.partition}:glue:${local.deployment.region}:${local.deployment.account_id}:table/${local.name.database}/*"
  }

  # Normalized to end with a slash, so that the prefix `in` does not match `invoices/`.
  prefixes      = [for prefix in var.settings.prefixes : "${trimsuffix(prefix, "/")}/"]
  kms_encrypted = var.settings.encryption == "sse-kms"

  # The watched buckets. An empty list of prefixes means the whole bucket. `suffix` is appended to the names of the rule,
  # statements and alarms of the bucket.
  watch = distinct(concat(var.settings.watch, var.settings.watch_ingest ? ["ingest"] : []))
  watched_buckets = merge(
    { data = { bucket = local.name.data, prefixes = local.prefixes, encrypted = local.kms_encrypted, moved_to = null, suffix = "" } },
    { for key in local.watch : key => merge(var.buckets[key], { suffix = "-${key}" }) if contains(keys(var.buckets), key) },
  )
}
