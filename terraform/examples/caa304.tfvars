# Keeps the bucket and function names of an existing secure data pipeline. New resources (receipts bucket, queue, ledger,
# roles, alarms) are named caa304-prod-*.
project     = "caa304"
environment = "prod"
region      = "us-east-1"

alarm_emails = ["caa304@example.org"]

provenance = {
  data_bucket = { name = "caa304-raw-data" }
  trail       = { bucket_name = "caa304-cloudtrail-log" }
  names       = { function = "secure-provenance-lambda" }

  # Uploads only, as before. Objects under `processed/` and `test/` are logged by the trail but get no receipt.
  prefixes = ["incoming/"]

  # Users sign in through IAM Identity Center, so there are no long-lived access keys.
  uploader_principals = ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"]
  auditor_principals  = ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Auditor_0123456789abcdef"]
  operator_principals = ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"]
}
