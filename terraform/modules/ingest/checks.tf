# Advisory checks: warn, never block.

check "ingest_has_an_uploader_role" {
  assert {
    condition     = length(var.settings.uploader_principals) > 0 || var.settings.uploader_user != null
    error_message = "`ingest` has neither `uploader_principals` nor `uploader_user`, so no uploader role is created: only principals that already have write access to the bucket can upload."
  }
}

check "ingest_has_an_operator_role" {
  assert {
    condition     = length(var.settings.operator_principals) > 0
    error_message = "`ingest.operator_principals` is empty, so no role is created for managing the quarantine and the dead-letter queues."
  }
}

check "notify_emails_are_set" {
  assert {
    condition     = length(var.settings.notify_on) == 0 || length(var.settings.notify_emails) > 0
    error_message = "`ingest.notify_emails` is empty: notifications for the outcomes in `notify_on` are published to a topic without subscribers. Add an address or subscribe to the topic."
  }
}

# If the schema does not require the key attributes, DynamoDB rejects items that the schema accepts.
check "schema_requires_the_keys" {
  assert {
    condition = var.settings.schema_file == null ? true : length(setsubtract(
      [for key in [var.settings.table.hash_key, var.settings.table.range_key] : key if key != ""],
      try(jsondecode(file(var.settings.schema_file)).required, []),
    )) == 0
    error_message = "`ingest.schema_file` does not list the table's key attributes under `required`: a file without them passes the schema but cannot be stored."
  }
}
