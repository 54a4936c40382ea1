# Keeps the names of an existing eventpulse deployment: buckets, table, function, role, topic and replica. New resources
# (queues, alarms) are named eventpulse-prod-*.
project     = "eventpulse"
environment = "prod"
region      = "us-east-1"

alarm_emails = ["eventpulse@example.org"]

ingest = {
  # Buckets have no `region` or `versioning` setting: a deployment has one Region, and versioning is always enabled.
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

  # Also notifies about stored files, as before.
  notify_on     = ["stored", "invalid", "conflict", "too-large", "unreadable"]
  notify_emails = ["eventpulse@example.org"]

  # The existing IAM users assume these roles instead of having policies of their own.
  uploader_principals = ["arn:aws:iam::111122223333:user/eventpulse-uploader"]
  operator_principals = ["arn:aws:iam::111122223333:user/eventpulse-operator"]
}
