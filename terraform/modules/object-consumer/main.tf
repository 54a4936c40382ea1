# objects created -> rule -> queue -> function, with a dead-letter queue at each hop and alarms

locals {
  rule_name  = { for key, source in var.sources : key => "${var.rule_name}${source.suffix}" }
  rule_arn   = { for key, name in local.rule_name : key => "arn:${var.deployment.partition}:events:${var.deployment.region}:${var.deployment.account_id}:rule/${name}" }
  sid_suffix = { for key, source in var.sources : key => replace(title(source.suffix), "-", "") }
  queue_arn  = "arn:${var.deployment.partition}:sqs:${var.deployment.region}:${var.deployment.account_id}:${var.queue_name}"

  seconds_per_day = 24 * 60 * 60
}

# Matches every reason (PutObject, CompleteMultipartUpload, CopyObject, POST Object): a rule for PutObject alone would
# miss multipart uploads and copies.
resource "aws_cloudwatch_event_rule" "this" {
  for_each = var.sources

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
  for_each = var.sources

  rule      = aws_cloudwatch_event_rule.this[each.key].name
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

  deployment  = var.deployment
  name        = "${var.queue_name}-event-dead-letters"
  retention_s = 14 * local.seconds_per_day
  senders     = { for key, arn in local.rule_arn : "TakeUndelivered${local.sid_suffix[key]}" => { service = "events.amazonaws.com", source_arn = arn } }
}

module "queue" {
  source = "../queue"

  deployment           = var.deployment
  name                 = var.queue_name
  visibility_timeout_s = 6 * var.function.timeout_s
  retention_s          = 4 * local.seconds_per_day
  dead_letters         = { arn = module.queue_dead_letters.arn, after_receives = 5 }
  senders              = { for key, arn in local.rule_arn : "TakeEvents${local.sid_suffix[key]}" => { service = "events.amazonaws.com", source_arn = arn } }
}

# Messages that the function failed to process five times. A message keeps its age when it moves to a dead-letter
# queue, so the retention here must be longer than that of the source queue.
module "queue_dead_letters" {
  source = "../queue"

  deployment      = var.deployment
  name            = "${var.queue_name}-dead-letters"
  retention_s     = 14 * local.seconds_per_day
  dead_letters_of = [local.queue_arn]
}

resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn        = module.queue.arn
  function_name           = var.function.arn
  function_response_types = ["ReportBatchItemFailures"]

  batch_size = var.batch_size
  # Lambda requires a batching window for batch sizes above ten.
  maximum_batching_window_in_seconds = var.batch_size > 10 ? 1 : 0

  scaling_config {
    maximum_concurrency = var.max_concurrency
  }
}
