# Alarms in addition to those of the consumer; docs/provenance.md says what to do about each. A version that was deleted
# before it was read raises no alarm: its receipt has the state `gone`.

locals {
  alarms = {
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
  }
}
