# The secure data pipeline under its own names: buckets and function as they were.
# What is new beside them (receipts' own bucket, queue, ledger, roles, alarms) is named caa304-prod-*.
project     = "caa304"
environment = "prod"
region      = "us-east-1"

alarm_emails = ["caa304@example.org"]

provenance = {
  data_bucket = { name = "caa304-raw-data" }
  trail       = { bucket_name = "caa304-cloudtrail-log" }
  names       = { function = "secure-provenance-lambda" }

  # As before only what is uploaded; `processed/` and `test/` are logged by the trail without a receipt.
  prefixes = ["incoming/"]

  # People come through single sign-on, whose sessions belong to a role: no keys that live long.
  uploader_principals = ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"]
  auditor_principals  = ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Auditor_0123456789abcdef"]
  operator_principals = ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"]
}
