# Alarms in addition to those of the consumer; docs/operating.md says what to do about each.

locals {
  alarms = {
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
