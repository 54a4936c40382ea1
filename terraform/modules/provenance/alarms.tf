# Each alarm is one sentence about what a person should look at. A version that was gone before it
# was read is no news: its receipt says so.

locals {
  # Long enough for a retry to have helped.
  stale_after_s = max(15 * 60, 3 * 6 * var.settings.timeout_s)

  alarms = merge(
    {
      event-dead-letters = {
        text       = "EventBridge could not hand events to the queue; they wait in ${local.name.queue}-event-dead-letters. Mend the cause, then `sluice provenance backfill`."
        namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions = { QueueName = "${local.name.queue}-event-dead-letters" }
      }
      queue-dead-letters = {
        text       = "The function failed five times on the same message; it waits in ${local.name.queue}-dead-letters. Look at the log, mend the cause, then `sluice provenance backfill`."
        namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions = { QueueName = "${local.name.queue}-dead-letters" }
      }
      oldest-message = {
        text       = "Objects wait longer than ${local.stale_after_s} s for their receipt: the function is throttled, failing or too slow for what arrives."
        namespace  = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = local.stale_after_s
        dimensions = { QueueName = local.name.queue }
      }
      throttles = {
        text       = "Lambda refused to run the function: raise the account's concurrency or lower max_concurrency."
        namespace  = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
        dimensions = { FunctionName = local.name.function }
      }
      ledger-throttles = {
        text       = "Lambda refused to run the ledger: raise the account's concurrency. The next run closes what is open."
        namespace  = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
        dimensions = { FunctionName = local.name.ledger_function }
      }
      # A run an hour: one that failed is worth a look.
      ledger-errors = {
        text       = "The ledger's run failed: look at ${module.ledger.log_group}. The next run closes what is open."
        namespace  = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 0
        dimensions = { FunctionName = local.name.ledger_function }
      }
      ledger-not-started = {
        text       = "The schedule failed to start the ledger: look at the function's permission for ${local.name.schedule}."
        namespace  = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
        dimensions = { RuleName = local.name.schedule }
      }
      deferred = {
        text       = "An object was too long to be hashed in one run: `sluice provenance backfill` completes its receipt."
        namespace  = "Sluice", metric = "Deferred", statistic = "Sum", threshold = 0
        dimensions = { Function = local.name.function }
      }
    },
    {
      for key, name in local.rule_name : "failed-invocations${local.suffix[key]}" => {
        text       = "The rule ${name} failed to reach its queue at all: look at the queue's policy."
        namespace  = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
        dimensions = { RuleName = name }
      }
    },
    {
      for key, name in local.rule_name : "events-lost${local.suffix[key]}" => {
        text       = "EventBridge could not even use the dead-letter queue of ${name}: events are lost, run `sluice provenance backfill`."
        namespace  = "AWS/Events", metric = "InvocationsFailedToBeSentToDlq", statistic = "Sum", threshold = 0
        dimensions = { RuleName = name }
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.at.name}-provenance-${each.key}"
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

# The one whose silence is the news.
resource "aws_cloudwatch_metric_alarm" "no_manifest" {
  alarm_name        = "${local.at.name}-provenance-no-manifest"
  alarm_description = "No manifest was signed for three hours: look at ${module.ledger.log_group}. After a first apply this is normal until the first full hour is closed."

  namespace           = "Sluice"
  metric_name         = "Manifests"
  dimensions          = { Function = local.name.ledger_function }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1

  treat_missing_data = "breaching"
  alarm_actions      = [local.at.alarm_topic_arn]
}

# A rate, since one error in ten runs and one in a million are not the same news.
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${local.at.name}-provenance-errors"
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
