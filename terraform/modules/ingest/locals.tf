locals {
  deployment = var.deployment
  settings   = module.settings.settings # what refers to it waits for the checks

  # The resources whose names can be set, each with its kind and the attribute that overrides the default.
  names = {
    processing    = { kind = "bucket", attribute = "processing_bucket.name", name = coalesce(var.settings.processing_bucket.name, "${local.deployment.name}-processing-${local.deployment.bucket_suffix}") }
    quarantine    = { kind = "bucket", attribute = "quarantine_bucket.name", name = coalesce(var.settings.quarantine_bucket.name, "${local.deployment.name}-quarantine-${local.deployment.bucket_suffix}") }
    rule          = { kind = "rule", attribute = "names.rule", name = coalesce(var.settings.names.rule, "${local.deployment.name}-ingest") }
    queue         = { kind = "consumer_queue", attribute = "names.queue", name = coalesce(var.settings.names.queue, "${local.deployment.name}-ingest") }
    function      = { kind = "function", attribute = "names.function", name = coalesce(var.settings.names.function, "${local.deployment.name}-ingest") }
    function_role = { kind = "role", attribute = "names.function_role", name = coalesce(var.settings.names.function_role, "${local.deployment.name}-ingest${local.deployment.role_suffix}") }
    table         = { kind = "table", attribute = "table.name", name = coalesce(var.settings.table.name, "${local.deployment.name}-items") }
    topic         = { kind = "topic", attribute = "names.topic", name = coalesce(var.settings.names.topic, "${local.deployment.name}-ingest") }
    uploader_role = { kind = "role", attribute = "names.uploader_role", name = coalesce(var.settings.names.uploader_role, "${local.deployment.name}-ingest-uploader${local.deployment.role_suffix}") }
    operator_role = { kind = "role", attribute = "names.operator_role", name = coalesce(var.settings.names.operator_role, "${local.deployment.name}-ingest-operator${local.deployment.role_suffix}") }
  }
  name = { for key, resource in local.names : key => resource.name }

  # Built from names, so that every policy document is known at plan time.
  arn = {
    processing = "arn:${local.deployment.partition}:s3:::${local.name.processing}"
    quarantine = "arn:${local.deployment.partition}:s3:::${local.name.quarantine}"
    table      = "arn:${local.deployment.partition}:dynamodb:${local.deployment.region}:${local.deployment.account_id}:table/${local.name.table}"
    topic      = "arn:${local.deployment.partition}:sns:${local.deployment.region}:${local.deployment.account_id}:${local.name.topic}"
  }

  # Normalized to end with a slash, so that the prefix `in` does not match `invoices/`.
  prefix           = var.settings.prefix == "" ? "" : "${trimsuffix(var.settings.prefix, "/")}/"
  prefixes         = compact([local.prefix])
  max_object_bytes = floor(local.settings.max_object_mib * 1024 * 1024)
  kms_encrypted    = var.settings.encryption == "sse-kms"

  schema        = file(local.settings.schema_file)
  schema_sha256 = sha256(local.schema)
  schema_key    = "_sluice/schema/${local.schema_sha256}.json"
}
