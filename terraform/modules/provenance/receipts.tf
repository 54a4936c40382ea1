# The bucket for receipts, journal entries, operator records and manifests.

locals {
  receipts_prefix   = "provenance/"
  journal_prefix    = "journal/"
  ledger_prefix     = "ledger/"
  operator_prefix   = "operator/"
  reserved_prefixes = [local.journal_prefix, local.ledger_prefix, local.operator_prefix, local.receipts_prefix]

  journal_expiry = { (local.journal_prefix) = local.settings.receipts_bucket.journal_days }

  # Denies every principal a PutObject without `If-None-Match`, so that no existing object is replaced. UploadPart and
  # CopyObject cannot send that header, so multipart uploads and copies are denied as well.
  write_once_statements = !local.settings.write_once ? [] : [
    {
      Sid       = "WriteOnce"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = [for prefix in local.reserved_prefixes : "${local.arn.receipts}/${prefix}*"]
      Condition = { Null = { "s3:if-none-match" = "true" } }
    },
  ]

  # The same name as `receipts_bucket_name`, referenced through the module so that resources that use it wait for the
  # bucket.
  receipts_bucket = local.receipts_in_data_bucket ? module.data.name : module.receipts[0].name
}

module "receipts" {
  source = "../bucket"
  count  = local.receipts_in_data_bucket ? 0 : 1

  deployment      = local.deployment
  name            = local.receipts_bucket_name
  key_arn         = local.kms_encrypted ? var.key.arn : null
  force_destroy   = local.settings.receipts_bucket.force_destroy || local.deployment.allow_destroy
  expire_prefixes = local.journal_expiry
  object_lock     = local.settings.receipts_bucket.object_lock
  statements      = local.write_once_statements

  # A noncurrent receipt is evidence too, so it is kept permanently.
  expire_noncurrent_days = null
}
