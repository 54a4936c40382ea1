# What a person should look at.

locals {
  # Long enough for a retry to have helped.
  stale_after_s = max(15 * 60, 3 * 6 * var.settings.timeout_s)

  alarms = {
    event-dead-letters = {
      description = "EventBridge could not hand events to the queue; they wait in ${local.name.queue}-event-dead-letters. Look at them, mend the cause, redrive."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
      dimensions  = { QueueName = "${local.name.queue}-event-dead-letters" }
    }
    queue-dead-letters = {
      description = "The function failed five times on the same message; it waits in ${local.name.queue}-dead-letters. Look at the log, mend the cause, redrive."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
      dimensions  = { QueueName = "${local.name.queue}-dead-letters" }
    }
    oldest-message = {
      description = "Files wait longer than ${local.stale_after_s} s: the function is throttled, failing or too slow for what arrives."
      namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = local.stale_after_s
      dimensions  = { QueueName = local.name.queue }
    }
    throttles = {
      description = "Lambda refused to run the function: raise the account's concurrency or lower max_concurrency."
      namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
      dimensions  = { FunctionName = local.name.function }
    }
    failed-invocations = {
      description = "The rule failed to reach its queue at all: look at the queue's policy."
      namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
      dimensions  = { RuleName = local.name.rule }
    }
    events-lost = {
      description = "EventBridge could not even use the dead-letter queue: events are lost, run the backfill."
      namespace   = "AWS/Events", metric = "InvocationsFailedToBeSentToDlq", statistic = "Sum", threshold = 0
      dimensions  = { RuleName = local.name.rule }
    }
    quarantined = {
      description = "Files were moved to ${local.name.quarantine}: each has a reason beside it."
      namespace   = "Sluice", metric = "Quarantined", statistic = "Sum", threshold = 0
      dimensions  = { Function = local.name.function }
    }
    unreadable = {
      description = "Files in ${local.name.processing} cannot be read: archived, or encrypted with a key of their uploader or one that is disabled or gone. The log names each and says why."
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
