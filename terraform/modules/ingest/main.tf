# object -> rule -> queue -> function -> table | quarantine | topic

locals {
  deployment     = var.deployment
  name_overrides = var.settings.names

  name = {
    processing    = coalesce(var.settings.processing_bucket.name, "${local.deployment.name}-processing-${local.deployment.bucket_suffix}")
    quarantine    = coalesce(var.settings.quarantine_bucket.name, "${local.deployment.name}-quarantine-${local.deployment.bucket_suffix}")
    rule          = coalesce(local.name_overrides.rule, "${local.deployment.name}-ingest")
    queue         = coalesce(local.name_overrides.queue, "${local.deployment.name}-ingest")
    function      = coalesce(local.name_overrides.function, "${local.deployment.name}-ingest")
    function_role = coalesce(local.name_overrides.function_role, "${local.deployment.name}-ingest")
    table         = coalesce(var.settings.table.name, "${local.deployment.name}-items")
    topic         = coalesce(local.name_overrides.topic, "${local.deployment.name}-ingest")
    uploader_role = coalesce(local.name_overrides.uploader_role, "${local.deployment.name}-ingest-uploader")
    operator_role = coalesce(local.name_overrides.operator_role, "${local.deployment.name}-ingest-operator")
  }

  # Built from names, so that every policy document is known at plan time.
  arn = {
    processing         = "arn:${local.deployment.partition}:s3:::${local.name.processing}"
    quarantine         = "arn:${local.deployment.partition}:s3:::${local.name.quarantine}"
    rule               = "arn:${local.deployment.partition}:events:${local.deployment.region}:${local.deployment.account_id}:rule/${local.name.rule}"
    queue              = "arn:${local.deployment.partition}:sqs:${local.deployment.region}:${local.deployment.account_id}:${local.name.queue}"
    queue_dead_letters = "arn:${local.deployment.partition}:sqs:${local.deployment.region}:${local.deployment.account_id}:${local.name.queue}-dead-letters"
    event_dead_letters = "arn:${local.deployment.partition}:sqs:${local.deployment.region}:${local.deployment.account_id}:${local.name.queue}-event-dead-letters"
    table              = "arn:${local.deployment.partition}:dynamodb:${local.deployment.region}:${local.deployment.account_id}:table/${local.name.table}"
    topic              = "arn:${local.deployment.partition}:sns:${local.deployment.region}:${local.deployment.account_id}:${local.name.topic}"
  }

  # Normalized to end with a slash, so that the prefix `in` does not match `invoices/`.
  prefix           = var.settings.prefix == "" ? "" : "${trimsuffix(var.settings.prefix, "/")}/"
  max_object_bytes = floor(var.settings.max_object_mib * 1024 * 1024)
  kms_encrypted    = var.settings.encryption == "sse-kms"

  schema        = file(coalesce(var.settings.schema_file, "${path.module}/music-item.schema.json"))
  schema_sha256 = sha256(local.schema)
  schema_key    = "_sluice/schema/${local.schema_sha256}.json"

  seconds_per_day = 24 * 60 * 60
}

# --- processing bucket ---

module "processing" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.processing
  key_arn                = local.kms_encrypted ? local.deployment.key.arn : null
  force_destroy          = var.settings.processing_bucket.force_destroy || local.deployment.allow_destroy
  expire_noncurrent_days = var.settings.processing_bucket.expire_noncurrent_days
  eventbridge            = true
}

# The key contains the hash of the content, so that during an update the previous version of the function still finds
# the previous schema.
resource "aws_s3_object" "schema" {
  bucket       = module.processing.name
  key          = local.schema_key
  content      = local.schema
  content_type = "application/schema+json"

  # S3 limits an object to ten tags, and the deployment may have more.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

# --- events and queues ---

# Matches every reason (PutObject, CompleteMultipartUpload, CopyObject, POST Object): a rule for PutObject alone would
# miss multipart uploads and copies.
resource "aws_cloudwatch_event_rule" "this" {
  name        = local.name.rule
  description = "Objects created in ${local.name.processing}/${local.prefix}"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [local.name.processing] }
      object = { key = [{ for test, value in { prefix = local.prefix, "anything-but" = { prefix = "_sluice/" } } : test => value if(test == "prefix") == (local.prefix != "") }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "queue" {
  rule      = aws_cloudwatch_event_rule.this.name
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

  senders = {
    TakeUndelivered = { service = "events.amazonaws.com", source_arn = local.arn.rule }
  }
}

module "queue" {
  source = "../queue"

  deployment           = local.deployment
  name                 = local.name.queue
  visibility_timeout_s = 6 * var.settings.timeout_s
  retention_s          = 4 * local.seconds_per_day

  dead_letters = { arn = module.queue_dead_letters.arn, after_receives = 5 }

  senders = {
    TakeEvents = { service = "events.amazonaws.com", source_arn = local.arn.rule }
  }
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
  package    = var.package
  memory_mb  = var.settings.memory_mb
  timeout_s  = var.settings.timeout_s
  policy     = local.function_policy

  # References to the resources, so that they are created before the function.
  environment = {
    PROCESSING_BUCKET = module.processing.name
    QUARANTINE_BUCKET = module.quarantine.name
    PREFIX            = local.prefix
    TABLE             = aws_dynamodb_table.this.name
    HASH_KEY          = var.settings.table.hash_key
    RANGE_KEY         = var.settings.table.range_key
    SCHEMA_SHA256     = local.schema_sha256
    CHECK_ITEM_ID     = tostring(var.settings.check_item_id)
    MAX_OBJECT_BYTES  = tostring(local.max_object_bytes)
    NOTIFY_ON         = join(",", var.settings.notify_on)
    TOPIC_ARN         = module.topic.arn
  }

  depends_on = [aws_s3_object.schema]
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

# --- items table, quarantine, notifications ---

resource "aws_dynamodb_table" "this" {
  name         = local.name.table
  billing_mode = "PAY_PER_REQUEST" # no capacity planning, and supports replicas
  hash_key     = var.settings.table.hash_key
  range_key    = var.settings.table.range_key == "" ? null : var.settings.table.range_key

  # DynamoDB declares key attributes only; the JSON Schema describes the others.
  dynamic "attribute" {
    for_each = [for key in [var.settings.table.hash_key, var.settings.table.range_key] : key if key != ""]

    content {
      name = attribute.value
      type = "S"
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  deletion_protection_enabled = var.settings.table.deletion_protection && !local.deployment.allow_destroy

  # Replication requires the stream.
  stream_enabled   = length(var.settings.table.replica_regions) > 0
  stream_view_type = length(var.settings.table.replica_regions) > 0 ? "NEW_AND_OLD_IMAGES" : null

  dynamic "replica" {
    for_each = toset(var.settings.table.replica_regions)

    content {
      region_name            = replica.value
      point_in_time_recovery = true
      propagate_tags         = true
    }
  }
}

module "quarantine" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.quarantine
  key_arn                = local.kms_encrypted ? local.deployment.key.arn : null
  force_destroy          = var.settings.quarantine_bucket.force_destroy || local.deployment.allow_destroy
  expire_noncurrent_days = var.settings.quarantine_bucket.expire_noncurrent_days
  expire_days            = var.settings.quarantine_bucket.retention_days
}

module "topic" {
  source = "../topic"

  deployment = local.deployment
  name       = local.name.topic
  key_arn    = local.deployment.key.arn
  emails     = var.settings.notify_emails
}

# --- roles for people ---

module "uploader" {
  source = "../role"
  count  = length(var.settings.uploader_principals) > 0 ? 1 : 0

  deployment  = local.deployment
  name        = local.name.uploader_role
  description = "Uploads to ${local.name.processing}/${local.prefix}"
  trusted     = { AWS = var.settings.uploader_principals }
  policies    = { upload = local.uploader_policy }
}

module "operator" {
  source = "../role"
  count  = length(var.settings.operator_principals) > 0 ? 1 : 0

  deployment  = local.deployment
  name        = local.name.operator_role
  description = "Manages the quarantine and the dead-letter queues of ${local.name.function}"
  trusted     = { AWS = var.settings.operator_principals }
  policies    = { operate = local.operator_policy }
}
