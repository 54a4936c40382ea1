# object -> rule -> queue -> function -> table | quarantine | topic

# --- processing bucket ---

module "processing" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.processing
  key_arn                = local.kms_encrypted ? var.key.arn : null
  force_destroy          = local.settings.processing_bucket.force_destroy || local.deployment.allow_destroy
  expire_noncurrent_days = local.settings.processing_bucket.expire_noncurrent_days
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

# --- events, queues and function ---

module "consumer" {
  source = "../object-consumer"

  deployment      = local.deployment
  name            = "${local.deployment.name}-ingest"
  alarm_topic_arn = var.alarm_topic_arn
  rule_name       = local.name.rule
  queue_name      = local.name.queue
  sources         = { objects = { bucket = local.name.processing, prefixes = local.prefixes } }
  function        = { name = local.name.function, arn = module.function.arn, log_group = module.function.log_group, timeout_s = local.settings.timeout_s }
  batch_size      = local.settings.batch_size
  max_concurrency = local.settings.max_concurrency
  commands        = { redrive = "sluice redrive", replay = "sluice backfill --missing" }
  alarms          = local.alarms
}

module "function" {
  source = "../function"

  deployment        = local.deployment
  name              = local.name.function
  role_name         = local.name.function_role
  package           = var.package
  memory_mb         = local.settings.memory_mb
  timeout_s         = local.settings.timeout_s
  policy            = local.function_policy
  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted, write = local.kms_encrypted }

  # References to the resources, so that they are created before the function.
  environment = {
    PROCESSING_BUCKET = module.processing.name
    QUARANTINE_BUCKET = module.quarantine.name
    PREFIX            = local.prefix
    TABLE             = aws_dynamodb_table.this.name
    HASH_KEY          = local.settings.table.hash_key
    RANGE_KEY         = local.settings.table.range_key
    SCHEMA_SHA256     = local.schema_sha256
    CHECK_ITEM_ID     = tostring(local.settings.check_item_id)
    MAX_OBJECT_BYTES  = tostring(local.max_object_bytes)
    NOTIFY_ON         = join(",", local.settings.notify_on)
    TOPIC_ARN         = module.topic.arn
  }

  depends_on = [aws_s3_object.schema]
}

# --- items table, quarantine, notifications ---

resource "aws_dynamodb_table" "this" {
  name         = local.name.table
  billing_mode = "PAY_PER_REQUEST" # no capacity planning, and supports replicas
  hash_key     = local.settings.table.hash_key
  range_key    = local.settings.table.range_key == "" ? null : local.settings.table.range_key

  # DynamoDB declares key attributes only; the JSON Schema describes the others.
  dynamic "attribute" {
    for_each = compact([local.settings.table.hash_key, local.settings.table.range_key])

    content {
      name = attribute.value
      type = "S"
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  deletion_protection_enabled = local.settings.table.deletion_protection && !local.deployment.allow_destroy

  # Replication requires the stream.
  stream_enabled   = length(local.settings.table.replica_regions) > 0
  stream_view_type = length(local.settings.table.replica_regions) > 0 ? "NEW_AND_OLD_IMAGES" : null

  dynamic "replica" {
    for_each = toset(local.settings.table.replica_regions)

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
  key_arn                = local.kms_encrypted ? var.key.arn : null
  force_destroy          = local.settings.quarantine_bucket.force_destroy || local.deployment.allow_destroy
  expire_noncurrent_days = local.settings.quarantine_bucket.expire_noncurrent_days
  expire_days            = local.settings.quarantine_bucket.retention_days
  eventbridge            = contains(var.watched, "quarantine")
}

module "topic" {
  source = "../topic"

  deployment = local.deployment
  name       = local.name.topic
  key_arn    = var.key.arn
  emails     = local.settings.notify_emails
}
