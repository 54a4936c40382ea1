# eventpulse under its own names: buckets, table, function, role, topic and replica as they were.
# What is new beside them (queue, dead letters, alarms) is named eventpulse-prod-*.
project     = "eventpulse"
environment = "prod"
region      = "us-east-1"

alarm_emails = ["eventpulse@example.org"]

ingest = {
  # Region and versioning are no longer settings of a bucket: one region per deployment, and
  # versioning is always on.
  processing_bucket = {
    name          = "eventpulse-processing-bucket"
    force_destroy = true
  }
  quarantine_bucket = {
    name          = "eventpulse-quarantine-bucket"
    force_destroy = true
  }

  table = {
    name            = "event-pulse-table"
    hash_key        = "ArtistID"
    range_key       = "ItemID"
    replica_regions = ["us-east-2"]
  }

  names = {
    function      = "eventpulse_process_json_lambda_function"
    function_role = "eventpulse_process_json_lambda_role"
    topic         = "eventpulse_sns_alert_topic"
  }

  # Mail on success too, as before.
  notify_on     = ["stored", "invalid", "conflict", "too-large", "unreadable"]
  notify_emails = ["eventpulse@example.org"]

  # The users who had keys and policies of their own now assume a role.
  uploader_principals = ["arn:aws:iam::111122223333:user/eventpulse-uploader"]
  operator_principals = ["arn:aws:iam::111122223333:user/eventpulse-operator"]
}
