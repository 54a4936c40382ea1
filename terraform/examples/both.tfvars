# Both systems: objects in the processing bucket get receipts too, and receipts are locked for a year.
environment = "staging"
region      = "eu-central-1"

alarm_emails = ["ops@example.org"]

ingest = {
  prefix              = "incoming/"
  notify_emails       = ["music@example.org"]
  uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
  operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
}

provenance = {
  watch_ingest        = true
  prefixes            = ["incoming/", "reports/"]
  receipts_bucket     = { object_lock = { mode = "GOVERNANCE", days = 365 } }
  uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
  auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
  operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
}
