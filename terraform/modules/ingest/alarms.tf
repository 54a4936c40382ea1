# Each alarm is one sentence about what a person should look at.

locals {
  # Long enough for a retry to have helped.
  stale_after_s = max(15 * 60, 3 * 6 * var.settings.timeout_s)

  alarms = {
    event-dead-letters = {
      text       = "EventBridge could not hand events to the queue; they wait in ${local.name.queue}-event-dead-letters. Look at them, mend the cause, redrive."
      namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
      dimensions = { QueueName = "${local.name.queue}-event-dead-letters" }
    }
    queue-dead-letters = {
      text       = "The function failed five times on the same message; it waits in ${local.name.queue}-dead-letters. Look at the log, mend the cause, redrive."
      namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
      dimensions = { QueueName = "${local.name.queue}-dead-letters" }
    }
    oldest-message = {
      text       = "Files wait longer than ${local.stale_after_s} s: the function is throttled, failing or too slow for what arrives."
      namespace  = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = local.stale_after_s
      dimensions = { QueueName = local.name.queue }
    }
    throttles = {
      text       = "Lambda refused to run the function: raise the account's concurrency or lower max_concurrency."
      namespace  = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
      dimensions = { FunctionName = local.name.function }
    }
    failed-invocations = {
      text       = "The rule failed to reach its queue at all: look at the queue's policy."
      namespace  = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
      dimensions = { RuleName = local.name.rule }
    }
    events-lost = {
      text       = "EventBridge could not even use the dead-letter queue: events are lost, run the backfill."
      namespace  = "AWS/Events", metric = "InvocationsFailedToBeSentToDlq", statistic = "Sum", threshold = 0
      dimensions = { RuleName = local.name.rule }
    }
    quarantined = {
      text       = "Files were moved to ${local.name.quarantine}: each has a reason beside it."
      namespace  = "Sluice", metric = "Quarantined", statistic = "Sum", threshold = 0
      dimensions = { Function = local.name.function }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.at.name}-ingest-${each.key}"
  alarm_description = each.value.text

  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold

  treat_missing_data = "notBreaching"
  alarm_actions      = [local.at.alarm_topic_arn]
}

# A rate, since one error in ten runs and one in a million are not the same news.
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${local.at.name}-ingest-errors"
  alarm_description = "More than 5 % of the function's runs crash or time out: look at ${module.function.log_group}."

  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5

  metric_query {
    id          = "rate"
    label       = "failed runs in percent"
    expression  = "IF(runs > 0, 100 * errors / runs, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", runs = "Invocations" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = { FunctionName = local.name.function }
        stat        = "Sum"
        period      = 300
      }
    }
  }

  treat_missing_data = "notBreaching"
  alarm_actions      = [local.at.alarm_topic_arn]
}
