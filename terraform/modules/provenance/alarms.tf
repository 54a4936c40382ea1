# What a person should look at. A version that was gone before it was read is no news: its receipt says so.

locals {
  # Long enough for a retry to have helped.
  stale_after_s = max(15 * 60, 3 * 6 * var.settings.timeout_s)

  alarms = merge(
    {
      event-dead-letters = {
        description = "EventBridge could not hand events to the queue; they wait in ${local.name.queue}-event-dead-letters. Mend the cause, then `sluice provenance backfill`."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions  = { QueueName = "${local.name.queue}-event-dead-letters" }
      }
      queue-dead-letters = {
        description = "The function failed five times on the same message; it waits in ${local.name.queue}-dead-letters. Look at the log, mend the cause, then `sluice provenance backfill`."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions  = { QueueName = "${local.name.queue}-dead-letters" }
      }
      oldest-message = {
        description = "Objects wait longer than ${local.stale_after_s} s for their receipt: the function is throttled, failing or too slow for what arrives."
        namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = local.stale_after_s
        dimensions  = { QueueName = local.name.queue }
      }
      throttles = {
        description = "Lambda refused to run the function: raise the account's concurrency or lower max_concurrency."
        namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
        dimensions  = { FunctionName = local.name.function }
      }
      ledger-throttles = {
        description = "Lambda refused to run the ledger: raise the account's concurrency. The next run closes what is open."
        namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
        dimensions  = { FunctionName = local.name.ledger_function }
      }
      # A run an hour: one that failed is worth a look.
      ledger-errors = {
        description = "The ledger's run failed: look at ${module.ledger.log_group}. The next run closes what is open."
        namespace   = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 0
        dimensions  = { FunctionName = local.name.ledger_function }
      }
      ledger-not-started = {
        description = "The schedule failed to start the ledger: look at the function's permission for ${local.name.schedule}."
        namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
        dimensions  = { RuleName = local.name.schedule }
      }
      # The one whose silence is the news.
      no-manifest = {
        description = "No manifest was signed for three hours: look at ${module.ledger.log_group}. After a first apply this is normal until the first full hour is closed."
        namespace   = "Sluice", metric = "Manifests", statistic = "Sum", threshold = 1
        dimensions  = { Function = local.name.ledger_function }
        comparison  = "LessThanThreshold", period_s = 3600, periods = 3, treat_missing_data = "breaching"
      }
      deferred = {
        description = "An object was too long to be hashed in one run: `sluice provenance backfill` completes its receipt."
        namespace   = "Sluice", metric = "Deferred", statistic = "Sum", threshold = 0
        dimensions  = { Function = local.name.function }
      }
    },
    {
      for key, name in local.rule_name : "failed-invocations${local.name_suffix[key]}" => {
        description = "The rule ${name} failed to reach its queue at all: look at the queue's policy."
        namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
        dimensions  = { RuleName = name }
      }
    },
    {
      for key, name in local.rule_name : "events-lost${local.name_suffix[key]}" => {
        description = "EventBridge could not even use the dead-letter queue of ${name}: events are lost, run `sluice provenance backfill`."
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
