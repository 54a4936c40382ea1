# Alarms of `ingest`; docs/operating.md says what to do about each.

locals {
  # Three visibility timeouts, so that a message that succeeds on a retry raises no alarm.
  stale_after_s = max(15 * 60, 3 * 6 * var.settings.timeout_s)

  alarms = {
    event-dead-letters = {
      description = "EventBridge could not deliver events to the queue; they are in ${local.name.queue}-event-dead-letters. Inspect them, fix the cause, then run `sluice redrive`."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
      dimensions  = { QueueName = "${local.name.queue}-event-dead-letters" }
    }
    queue-dead-letters = {
      description = "The function failed five times on the same message; it is in ${local.name.queue}-dead-letters. Check the log, fix the cause, then run `sluice redrive`."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
      dimensions  = { QueueName = "${local.name.queue}-dead-letters" }
    }
    oldest-message = {
      description = "Files have waited longer than ${local.stale_after_s} s: the function is throttled, fails, or is too slow for the load."
      namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = local.stale_after_s
      dimensions  = { QueueName = local.name.queue }
    }
    throttles = {
      description = "Lambda throttled the function: raise the concurrency limit of the account or lower max_concurrency."
      namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
      dimensions  = { FunctionName = local.name.function }
    }
    failed-invocations = {
      description = "The EventBridge rule could not invoke its target queue: check the queue policy."
      namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
      dimensions  = { RuleName = local.name.rule }
    }
    events-lost = {
      description = "EventBridge could not deliver events to the dead-letter queue, so they are lost: run `sluice backfill --missing`."
      namespace   = "AWS/Events", metric = "InvocationsFailedToBeSentToDlq", statistic = "Sum", threshold = 0
      dimensions  = { RuleName = local.name.rule }
    }
    quarantined = {
      description = "Files were moved to ${local.name.quarantine}, each with a reason record next to it: run `sluice quarantine list`."
      namespace   = "Sluice", metric = "Quarantined", statistic = "Sum", threshold = 0
      dimensions  = { Function = local.name.function }
    }
    unreadable = {
      description = "Files in ${local.name.processing} cannot be read: they are archived, or encrypted with a customer-provided key or with a KMS key that is disabled or deleted. The log has the reason for each file."
      namespace   = "Sluice", metric = "Unreadable", statistic = "Sum", threshold = 0
      dimensions  = { Function = local.name.function }
    }
  }
}

module "alarms" {
  source = "../alarms"

  name        = "${local.deployment.name}-ingest"
  topic_arn   = local.deployment.alarm_topic_arn
  alarms      = local.alarms
  error_rates = { errors = { function = local.name.function, log_group = module.function.log_group } }
}

moved {
  from = aws_cloudwatch_metric_alarm.this
  to   = module.alarms.aws_cloudwatch_metric_alarm.this
}

moved {
  from = aws_cloudwatch_metric_alarm.errors
  to   = module.alarms.aws_cloudwatch_metric_alarm.error_rate["errors"]
}
