# object -> rule -> queue -> function -> receipt; schedule -> ledger -> signed manifest

# --- data bucket ---

module "data" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.data
  key_arn                = local.kms_encrypted ? var.key.arn : null
  force_destroy          = local.settings.data_bucket.force_destroy || local.deployment.allow_destroy
  expire_noncurrent_days = local.settings.data_bucket.expire_noncurrent_days
  expire_prefixes        = local.receipts_in_data_bucket ? local.journal_expiry : {}
  statements             = local.receipts_in_data_bucket ? local.write_once_statements : []
  eventbridge            = true
}

# --- events, queues and function ---

# The rules match the watched prefixes only, never those of the receipts: a receipt of a receipt would be an endless
# loop, and Lambda's loop detection does not cover EventBridge.
module "consumer" {
  source = "../object-consumer"

  deployment      = local.deployment
  name            = "${local.deployment.name}-provenance"
  alarm_topic_arn = var.alarm_topic_arn
  rule_name       = local.name.rule
  queue_name      = local.name.queue
  sources         = local.watched_buckets
  function        = { name = local.name.function, arn = module.function.arn, log_group = module.function.log_group, timeout_s = local.settings.timeout_s }
  batch_size      = local.settings.batch_size
  max_concurrency = local.settings.max_concurrency
  commands        = { redrive = "sluice redrive --system provenance", replay = "sluice provenance backfill" }
  alarms          = local.alarms
}

module "function" {
  source = "../function"

  deployment = local.deployment
  name       = local.name.function
  role_name  = local.name.function_role
  package    = var.packages.provenance
  memory_mb  = local.settings.memory_mb
  timeout_s  = local.settings.timeout_s
  policy     = local.function_policy

  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted || local.watched_bucket_encrypted, write = local.kms_encrypted }

  environment = {
    WATCHED         = jsonencode([for watch in values(local.watched_buckets) : { bucket = watch.bucket, prefixes = watch.prefixes }])
    RECEIPTS_BUCKET = local.receipts_bucket
  }

  depends_on = [module.data]
}
