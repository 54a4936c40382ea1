# The resources whose names are kept: `terraform plan -var import_existing=true` takes them over instead of creating them.
# Remove a block if the resource does not exist.

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.provenance[0].module.data.aws_s3_bucket.this
  id       = "caa304-raw-data"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.provenance[0].module.trail_bucket.aws_s3_bucket.this
  id       = "caa304-cloudtrail-log"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.provenance[0].module.trail_bucket.aws_s3_bucket_policy.this
  id       = "caa304-cloudtrail-log"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.provenance[0].module.function.aws_lambda_function.this
  id       = "secure-provenance-lambda"
}

import {
  for_each = var.import_existing ? [1] : []
  to       = module.deployment.module.provenance[0].module.function.aws_cloudwatch_log_group.this
  id       = "/aws/lambda/secure-provenance-lambda"
}
