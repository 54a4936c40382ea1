# Advisory checks: warn, never block.

check "alarm_emails_are_set" {
  assert {
    condition     = length(var.alarm_emails) > 0
    error_message = "`alarm_emails` is empty: alarms are published to ${module.alarm_topic.arn}, which has no subscribers. Add an address or subscribe to the topic."
  }
}

check "subscriptions_are_confirmed" {
  assert {
    condition     = length(local.pending_emails) == 0
    error_message = "email subscriptions are not confirmed: ${join(", ", local.pending_emails)}. Follow the link that AWS sent to each address; until then nothing is delivered."
  }
}

check "ingest_has_an_uploader_role" {
  assert {
    condition     = var.ingest == null ? true : length(var.ingest.uploader_principals) > 0
    error_message = "`ingest.uploader_principals` is empty, so no uploader role is created: only principals that already have write access to the bucket can upload."
  }
}

check "ingest_has_an_operator_role" {
  assert {
    condition     = var.ingest == null ? true : length(var.ingest.operator_principals) > 0
    error_message = "`ingest.operator_principals` is empty, so no role is created for managing the quarantine and the dead-letter queues."
  }
}

check "provenance_has_an_auditor_role" {
  assert {
    condition     = var.provenance == null ? true : length(var.provenance.auditor_principals) > 0
    error_message = "`provenance.auditor_principals` is empty, so no auditor role is created: `sluice verify` and Athena queries need permissions from elsewhere."
  }
}

check "provenance_has_an_operator_role" {
  assert {
    condition     = var.provenance == null ? true : length(var.provenance.operator_principals) > 0
    error_message = "`provenance.operator_principals` is empty, so no role is created for `sluice provenance backfill`, which completes deferred and missing receipts."
  }
}

check "packages_have_an_architecture" {
  assert {
    condition     = alltrue([for name in local.required_packages : try(var.lambda_packages[name].architecture, null) != null])
    error_message = "`lambda_packages` has no `architecture` for ${join(", ", [for name in local.required_packages : "`${name}`" if try(var.lambda_packages[name].architecture, null) == null])}, so the package cannot be compared with `architecture` (`${var.architecture}`): run `scripts/package` again, which writes it to the variables file."
  }
}

check "notify_emails_are_set" {
  assert {
    condition     = var.ingest == null ? true : length(var.ingest.notify_on) == 0 || length(var.ingest.notify_emails) > 0
    error_message = "`ingest.notify_emails` is empty: notifications for the outcomes in `notify_on` are published to a topic without subscribers. Add an address or subscribe to the topic."
  }
}

# If the schema does not require the key attributes, DynamoDB rejects items that the schema accepts.
check "schema_requires_the_keys" {
  assert {
    condition = try(var.ingest.schema_file, null) == null ? true : length(setsubtract(
      [for key in [var.ingest.table.hash_key, var.ingest.table.range_key] : key if key != ""],
      try(jsondecode(file(var.ingest.schema_file)).required, []),
    )) == 0
    error_message = "`ingest.schema_file` does not list the table's key attributes under `required`: a file without them passes the schema but cannot be stored."
  }
}

locals {
  pending_emails = distinct(concat(module.alarm_topic.pending_emails, flatten(module.ingest[*].pending_emails)))
}
