# The resources whose names are kept: `terraform plan -var import_existing=true` takes them over instead of creating them.
# Remove a block if the resource does not exist.

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.processing.aws_s3_bucket.this
  id       = "eventpulse-processing-bucket"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.processing.aws_s3_bucket_versioning.this
  id       = "eventpulse-processing-bucket"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.quarantine.aws_s3_bucket.this
  id       = "eventpulse-quarantine-bucket"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.quarantine.aws_s3_bucket_versioning.this
  id       = "eventpulse-quarantine-bucket"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].aws_dynamodb_table.this
  id       = "event-pulse-table"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.function.aws_lambda_function.this
  id       = "eventpulse_process_json_lambda_function"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.function.aws_cloudwatch_log_group.this
  id       = "/aws/lambda/eventpulse_process_json_lambda_function"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.function.module.role.aws_iam_role.this
  id       = "eventpulse_process_json_lambda_role"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.ingest[0].module.topic.aws_sns_topic.this
  id       = "arn:aws:sns:us-east-1:${var.account_id}:eventpulse_sns_alert_topic"
}
