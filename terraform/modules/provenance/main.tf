# object -> rule -> queue -> function -> receipt; schedule -> ledger -> signed manifest

locals {
  deployment     = var.deployment
  name_overrides = var.settings.names

  # Whether data and receipts share a bucket. Their prefixes never overlap.
  receipts_in_data_bucket = var.settings.receipts_bucket.in_data_bucket

  name = {
    data            = coalesce(var.settings.data_bucket.name, "${local.deployment.name}-data-${local.deployment.bucket_suffix}")
    trail_bucket    = coalesce(var.settings.trail.bucket_name, "${local.deployment.name}-trail-${local.deployment.bucket_suffix}")
    queries         = coalesce(var.settings.athena.bucket_name, "${local.deployment.name}-queries-${local.deployment.bucket_suffix}")
    rule            = coalesce(local.name_overrides.rule, "${local.deployment.name}-provenance")
    queue           = coalesce(local.name_overrides.queue, "${local.deployment.name}-provenance")
    function        = coalesce(local.name_overrides.function, "${local.deployment.name}-provenance")
    function_role   = coalesce(local.name_overrides.function_role, "${local.deployment.name}-provenance")
    schedule        = coalesce(local.name_overrides.schedule, "${local.deployment.name}-ledger")
    ledger_function = coalesce(local.name_overrides.ledger_function, "${local.deployment.name}-ledger")
    ledger_role     = coalesce(local.name_overrides.ledger_role, "${local.deployment.name}-ledger")
    signing_key     = "alias/${coalesce(local.name_overrides.signing_key, "${local.deployment.name}-ledger")}"
    trail           = coalesce(local.name_overrides.trail, "${local.deployment.name}-provenance")
    database        = coalesce(local.name_overrides.database, replace("${local.deployment.name}-provenance", "-", "_"))
    workgroup       = coalesce(local.name_overrides.workgroup, "${local.deployment.name}-provenance")
    uploader_role   = coalesce(local.name_overrides.uploader_role, "${local.deployment.name}-provenance-uploader")
    auditor_role    = coalesce(local.name_overrides.auditor_role, "${local.deployment.name}-provenance-auditor")
    operator_role   = coalesce(local.name_overrides.operator_role, "${local.deployment.name}-provenance-operator")
  }
  receipts_bucket_name = local.receipts_in_data_bucket ? local.name.data : coalesce(var.settings.receipts_bucket.name, "${local.deployment.name}-receipts-${local.deployment.bucket_suffix}")

  # Built from names, so that every policy document is known at plan time.
  arn = {
    data               = "arn:${local.deployment.partition}:s3:::${local.name.data}"
    receipts           = "arn:${local.deployment.partition}:s3:::${local.receipts_bucket_name}"
    trail_bucket       = "arn:${local.deployment.partition}:s3:::${local.name.trail_bucket}"
    queries            = "arn:${local.deployment.partition}:s3:::${local.name.queries}"
    queue              = "arn:${local.deployment.partition}:sqs:${local.deployment.region}:${local.deployment.account_id}:${local.name.queue}"
    queue_dead_letters = "arn:${local.deployment.partition}:sqs:${local.deployment.region}:${local.deployment.account_id}:${local.name.queue}-dead-letters"
    event_dead_letters = "arn:${local.deployment.partition}:sqs:${local.deployment.region}:${local.deployment.account_id}:${local.name.queue}-event-dead-letters"
    schedule           = "arn:${local.deployment.partition}:events:${local.deployment.region}:${local.deployment.account_id}:rule/${local.name.schedule}"
    signing_key        = "arn:${local.deployment.partition}:kms:${local.deployment.region}:${local.deployment.account_id}:${local.name.signing_key}"
    trail              = "arn:${local.deployment.partition}:cloudtrail:${local.deployment.region}:${local.deployment.account_id}:trail/${local.name.trail}"
    workgroup          = "arn:${local.deployment.partition}:athena:${local.deployment.region}:${local.deployment.account_id}:workgroup/${local.name.workgroup}"
    catalog            = "arn:${local.deployment.partition}:glue:${local.deployment.region}:${local.deployment.account_id}:catalog"
    database           = "arn:${local.deployment.partition}:glue:${local.deployment.region}:${local.deployment.account_id}:database/${local.name.database}"
    tables             = "arn:${local.deployment.partition}:glue:${local.deployment.region}:${local.deployment.account_id}:table/${local.name.database}/*"
  }

  # Normalized to end with a slash, so that the prefix `in` does not match `invoices/`.
  prefixes      = [for prefix in var.settings.prefixes : "${trimsuffix(prefix, "/")}/"]
  kms_encrypted = var.settings.encryption == "sse-kms"

  # The watched buckets, by system. An empty list of prefixes means the whole bucket.
  watched_buckets = merge(
    { data = { bucket = local.name.data, prefixes = local.prefixes, encrypted = local.kms_encrypted } },
    { for key, ingest in { ingest = var.ingest } : key => ingest if ingest != null },
  )

  # Appended to the names of rules, statements and alarms of each watched bucket; empty for the data bucket.
  name_suffix = { data = "", ingest = "-ingest" }
  rule_name   = { for key, watch in local.watched_buckets : key => "${local.name.rule}${local.name_suffix[key]}" }
  rule_arn    = { for key, name in local.rule_name : key => "arn:${local.deployment.partition}:events:${local.deployment.region}:${local.deployment.account_id}:rule/${name}" }

  seconds_per_day = 24 * 60 * 60
}

# --- data bucket ---

module "data" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.data
  key_arn                = local.kms_encrypted ? local.deployment.key.arn : null
  force_destroy          = var.settings.data_bucket.force_destroy || local.deployment.allow_destroy
  expire_noncurrent_days = var.settings.data_bucket.expire_noncurrent_days
  expire_prefixes        = local.receipts_in_data_bucket ? local.journal_expiry : {}
  statements             = local.receipts_in_data_bucket ? local.write_once_statements : []
  eventbridge            = true
}

# --- events and queues ---

# Matches every reason (PutObject, CompleteMultipartUpload, CopyObject, POST Object): a rule for PutObject alone would
# miss multipart uploads and copies. It matches the watched prefixes only, never those of the receipts: a receipt of a
# receipt would be an endless loop, and Lambda's loop detection does not cover EventBridge.
resource "aws_cloudwatch_event_rule" "created" {
  for_each = local.watched_buckets

  name        = local.rule_name[each.key]
  description = "Objects created in ${each.value.bucket}/${join(",", each.value.prefixes)}"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [each.value.bucket] }
      object = {
        key = concat(
          [for prefix in each.value.prefixes : { prefix = prefix }],
          [for rest in [{ "anything-but" = { prefix = "_sluice/" } }] : rest if length(each.value.prefixes) == 0],
        )
      }
    }
  })
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = local.watched_buckets

  rule      = aws_cloudwatch_event_rule.created[each.key].name
  target_id = "queue"
  arn       = module.queue.arn

  retry_policy {
    maximum_event_age_in_seconds = local.seconds_per_day
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = module.event_dead_letters.arn
  }
}

# Events that EventBridge could not deliver to the queue.
module "event_dead_letters" {
  source = "../queue"

  deployment  = local.deployment
  name        = "${local.name.queue}-event-dead-letters"
  retention_s = 14 * local.seconds_per_day
  senders     = { for key, arn in local.rule_arn : "TakeUndelivered${title(trimprefix(local.name_suffix[key], "-"))}" => { service = "events.amazonaws.com", source_arn = arn } }
}

module "queue" {
  source = "../queue"

  deployment           = local.deployment
  name                 = local.name.queue
  visibility_timeout_s = 6 * var.settings.timeout_s
  retention_s          = 4 * local.seconds_per_day

  dead_letters = { arn = module.queue_dead_letters.arn, after_receives = 5 }
  senders      = { for key, arn in local.rule_arn : "TakeEvents${title(trimprefix(local.name_suffix[key], "-"))}" => { service = "events.amazonaws.com", source_arn = arn } }
}

# Messages that the function failed to process five times. A message keeps its age when it moves to a dead-letter
# queue, so the retention here must be longer than that of the source queue.
module "queue_dead_letters" {
  source = "../queue"

  deployment      = local.deployment
  name            = "${local.name.queue}-dead-letters"
  retention_s     = 14 * local.seconds_per_day
  dead_letters_of = [local.arn.queue]
}

# --- function ---

module "function" {
  source = "../function"

  deployment = local.deployment
  name       = local.name.function
  role_name  = local.name.function_role
  package    = var.packages.provenance
  memory_mb  = var.settings.memory_mb
  timeout_s  = var.settings.timeout_s
  policy     = local.function_policy

  environment = {
    WATCHED         = jsonencode([for watch in values(local.watched_buckets) : { bucket = watch.bucket, prefixes = watch.prefixes }])
    RECEIPTS_BUCKET = local.receipts_bucket
  }

  depends_on = [module.data]
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn        = module.queue.arn
  function_name           = module.function.arn
  function_response_types = ["ReportBatchItemFailures"]

  batch_size = var.settings.batch_size
  # Lambda requires a batching window for batch sizes above ten.
  maximum_batching_window_in_seconds = var.settings.batch_size > 10 ? 1 : 0

  scaling_config {
    maximum_concurrency = var.settings.max_concurrency
  }
}
