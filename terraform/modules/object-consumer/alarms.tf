locals {
  # Three visibility timeouts, so that a message that succeeds on a retry raises no alarm.
  stale_after_s = max(15 * 60, 3 * 6 * var.function.timeout_s)

  alarms = merge(
    {
      event-dead-letters = {
        description = "EventBridge could not deliver events to the queue; they are in ${module.event_dead_letters.name}. Inspect them, fix the cause, then run `${var.commands.redrive}`."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions  = { QueueName = module.event_dead_letters.name }
      }
      queue-dead-letters = {
        description = "The function failed five times on the same message; it is in ${module.queue_dead_letters.name}. Check the log, fix the cause, then run `${var.commands.redrive}`."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0
        dimensions  = { QueueName = module.queue_dead_letters.name }
      }
      oldest-message = {
        description = "Objects have waited longer than ${local.stale_after_s} s: the function is throttled, fails, or is too slow for the load."
        namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = local.stale_after_s
        dimensions  = { QueueName = var.queue_name }
      }
      throttles = {
        description = "Lambda throttled the function: raise the concurrency limit of the account or lower max_concurrency."
        namespace   = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 0
        dimensions  = { FunctionName = var.function.name }
      }
    },
    {
      for key, source in var.sources : "failed-invocations${source.suffix}" => {
        description = "The EventBridge rule ${local.rule_name[key]} could not invoke its target queue: check the queue policy."
        namespace   = "AWS/Events", metric = "FailedInvocations", statistic = "Sum", threshold = 0
        dimensions  = { RuleName = local.rule_name[key] }
      }
    },
    {
      for key, source in var.sources : "events-lost${source.suffix}" => {
        description = "EventBridge could not deliver events of ${local.rule_name[key]} to the dead-letter queue, so they are lost: run `${var.commands.replay}`."
        namespace   = "AWS/Events", metric = "InvocationsFailedToBeSentToDlq", statistic = "Sum", threshold = 0
        dimensions  = { RuleName = local.rule_name[key] }
      }
    },
  )
}

module "alarms" {
  source = "../alarms"

  name        = var.name
  topic_arn   = var.alarm_topic_arn
  alarms      = merge(local.alarms, var.alarms)
  error_rates = { errors = { function = var.function.name, log_group = var.function.log_group } }
}
