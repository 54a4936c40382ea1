# Soft facts: a plan is right without them, and people will wonder later.

check "alarms_reach_somebody" {
  assert {
    condition     = length(var.alarm_emails) > 0
    error_message = "`alarm_emails` is empty: alarms will go to ${module.alarm_topic.arn}, where nobody listens yet."
  }
}

check "subscriptions_are_confirmed" {
  assert {
    condition     = length(local.pending_emails) == 0
    error_message = "not yet confirmed: ${join(", ", local.pending_emails)}. AWS mailed each address a link; nothing is delivered before it is followed."
  }
}

check "somebody_may_upload" {
  assert {
    condition     = var.ingest == null ? true : length(var.ingest.uploader_principals) > 0
    error_message = "`ingest.uploader_principals` is empty, so there is no uploader role: only who may already write to the bucket can upload."
  }
}

check "somebody_may_operate" {
  assert {
    condition     = var.ingest == null ? true : length(var.ingest.operator_principals) > 0
    error_message = "`ingest.operator_principals` is empty, so there is no role for the quarantine and the dead letters."
  }
}

check "somebody_may_audit" {
  assert {
    condition     = var.provenance == null ? true : length(var.provenance.auditor_principals) > 0
    error_message = "`provenance.auditor_principals` is empty, so there is no auditor role: `sluice verify` and Athena need rights of your own."
  }
}

check "somebody_may_backfill" {
  assert {
    condition     = var.provenance == null ? true : length(var.provenance.operator_principals) > 0
    error_message = "`provenance.operator_principals` is empty, so there is no role for `sluice provenance backfill`, which completes what was deferred or missed."
  }
}

check "packages_name_their_architecture" {
  assert {
    condition     = alltrue([for name in local.required_packages : try(var.lambda_packages[name].architecture, null) != null])
    error_message = "`lambda_packages` does not say what architecture ${join(", ", [for name in local.required_packages : "`${name}`" if try(var.lambda_packages[name].architecture, null) == null])} is built for, so nothing compares it with `architecture` (`${var.architecture}`): run `scripts/package` again; its variables file says it."
  }
}

check "notices_reach_somebody" {
  assert {
    condition     = var.ingest == null ? true : length(var.ingest.notify_on) == 0 || length(var.ingest.notify_emails) > 0
    error_message = "`ingest.notify_emails` is empty: notices of `notify_on` go to the topic, where nobody listens until you subscribe."
  }
}

# An item of a schema that does not demand its keys is refused by the table, not by the schema.
check "schema_requires_the_keys" {
  assert {
    condition = try(var.ingest.schema_file, null) == null ? true : length(setsubtract(
      [for key in [var.ingest.table.hash_key, var.ingest.table.range_key] : key if key != ""],
      try(jsondecode(file(var.ingest.schema_file)).required, []),
    )) == 0
    error_message = "`ingest.schema_file` does not list the table's keys under `required`: a file without them would be valid and could not be stored."
  }
}

locals {
  pending_emails = distinct(concat(module.alarm_topic.pending_emails, flatten(module.ingest[*].pending_emails)))
}
