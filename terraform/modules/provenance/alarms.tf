# Alarms of `provenance`; docs/provenance.md says what to do about each. A version that was deleted before it was read
# raises no alarm: its receipt has the state `gone`.

locals {
  # Three visibility timeouts, so that a message that succeeds on a retry raises no alarm.
  stale_after_s = max(15 * 60, 3 * 6 * var.settings.timeout_s)

  alarms = merge(
    {
      event-dead-letters = {
        description = "EventBridge could not deliver events to the queue; they are in ${local.name.queue}-event-dead-letters. Fix the cause, then run `sluice redrive --system provenance`."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions  = { QueueName = "${local.name.queue}-event-dead-letters" }
      }
      queue-dead-letters = {
        description = "The function failed five times on the same message; it is in ${local.name.queue}-dead-letters. Check the log, fix the cause, then run `sluice redrive --system provenance`."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions  = { QueueName = "${local.name.queue}-dead-letters" }
      }
      oldest-message = {
        description = "Objects have waited longer than ${local.stale_after_s} s for their receipt: the function is throttled, fails, or is too slow for the load."
        namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = local.stale_after_s
        dimensions  = { QueueName = local.name.queue }
      }
      throttles = {
        description = "Lambda throttled the function: raise the concurrency limit of the account or lower max_concurrency."
        namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
        dimensions  = { FunctionName = local.name.function }
      }
      ledger-throttles = {
        description = "Lambda throttled the ledger function: raise the concurrency limit of the account. The next run covers every open hour."
        namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
        dimensions  = { FunctionName = local.name.ledger_function }
      }
      # The ledger runs once an hour, so a single failure raises the alarm.
      ledger-errors = {
        description = "A run of the ledger failed: check the log group ${module.ledger.log_group}. The next run covers every open hour."
        namespace   = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 0
        dimensions  = { FunctionName = local.name.ledger_function }
      }
      ledger-not-started = {
        description = "The schedule could not invoke the ledger: check the resource-based policy of the function for ${local.name.schedule}."
        namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
        dimensions  = { RuleName = local.name.schedule }
      }
      # The only alarm for which missing data is breaching.
      no-manifest = {
        description = "No manifest was signed for three hours: check the log group ${module.ledger.log_group}. After a first apply this is normal until the first full hour is covered."
        namespace   = "Sluice", metric = "Manifests", statistic = "Sum", threshold = 1
        dimensions  = { Function = local.name.ledger_function }
        comparison  = "LessThanThreshold", period_s = 3600, periods = 3, treat_missing_data = "breaching"
      }
      deferred = {
        description = "An object was too large to be hashed in one invocation: run `sluice provenance backfill` to complete its receipt."
        namespace   = "Sluice", metric = "Deferred", statistic = "Sum", threshold = 0
        dimensions  = { Function = local.name.function }
      }
    },
    {
      for key, name in local.rule_name : "failed-invocations${local.name_suffix[key]}" => {
        description = "The EventBridge rule ${name} could not invoke its target queue: check the queue policy."
        namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
        dimensions  = { RuleName = name }
      }
    },
    {
      for key, name in local.rule_name : "events-lost${local.name_suffix[key]}" => {
        description = "EventBridge could not deliver events of ${name} to the dead-letter queue, so they are lost: run `sluice provenance backfill`."
        namespace   = "AWS/Events", metric = "InvocationsFailedToBeSentToDlq", statistic = "Sum", threshold = 0
        dimensions  = { RuleName = name }
      }
    },
  )
}

module "alarms" {
  source = "../alarms"

  name        = "${local.deployment.name}-provenance"
  topic_arn   = local.deployment.alarm_topic_arn
  alarms      = local.alarms
  error_rates = { errors = { function = local.name.function, log_group = module.function.log_group } }
}
