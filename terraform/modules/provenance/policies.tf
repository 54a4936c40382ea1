# Policies of the two functions. The comment above a statement says why it is needed.

locals {
  # The watched objects, and statements for listing the versions of each watched bucket within the watched prefixes.
  watched_objects = flatten([
    for watch in values(local.watched_buckets) : length(watch.prefixes) > 0 ?
    [for prefix in watch.prefixes : "arn:${local.deployment.partition}:s3:::${watch.bucket}/${prefix}*"] :
    ["arn:${local.deployment.partition}:s3:::${watch.bucket}/*"]
  ])
  list_version_statements = [
    for key, watch in local.watched_buckets : merge({
      Sid      = "FindVersion${title(trimprefix(local.name_suffix[key], "-"))}"
      Effect   = "Allow"
      Action   = "s3:ListBucketVersions"
      Resource = "arn:${local.deployment.partition}:s3:::${watch.bucket}"
      }, {
      for name, condition in { Condition = { StringLike = { "s3:prefix" = [for prefix in watch.prefixes : "${prefix}*"] } } } :
      name => condition if length(watch.prefixes) > 0
    })
  ]

  # Statements for using the deployment's key through S3 only.
  key_via_s3               = merge(local.deployment.key.condition, { StringEquals = { "kms:ViaService" = ["s3.${local.deployment.region}.${local.deployment.dns_suffix}"] } })
  watched_bucket_encrypted = anytrue([for watch in values(local.watched_buckets) : watch.encrypted])
  decrypt_statement = {
    Sid       = "ReadEncrypted"
    Effect    = "Allow"
    Action    = "kms:Decrypt"
    Resource  = local.deployment.key.resource
    Condition = local.key_via_s3
  }
  encrypt_statement = {
    Sid       = "WriteEncrypted"
    Effect    = "Allow"
    Action    = "kms:GenerateDataKey"
    Resource  = local.deployment.key.resource
    Condition = local.key_via_s3
  }

  # The function: what the effects in lambdas/provenance/src/effect.rs need. Their comments name these statements.
  function_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # Finds the version of an event without a version ID, and distinguishes a missing version from denied access.
      local.list_version_statements,
      [
        # HeadObject and ranged GetObject of the version in the event.
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.watched_objects
        },
        # HeadObject of a missing receipt returns 404 only with ListBucket permission; otherwise it returns 403.
        {
          Sid       = "SeeReceipts"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.receipts
          Condition = { StringLike = { "s3:prefix" = "${local.receipts_prefix}*" } }
        },
        # A redelivered event finds the existing receipt, so that the version is not hashed again.
        {
          Sid      = "ReadReceipt"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.arn.receipts}/${local.receipts_prefix}*"
        },
        # The journal entry, written before the receipt, so that the ledger finds every receipt.
        {
          Sid      = "AnnounceReceipt"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.journal_prefix}*"
        },
        # Written with If-None-Match, so that a receipt is never replaced. No statement allows deletion.
        {
          Sid      = "WriteReceipt"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.receipts_prefix}*"
        },
        # The event source mapping polls the queue with this role.
        {
          Sid      = "TakeFromQueue"
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = local.arn.queue
        },
      ],
      [for statement in [local.decrypt_statement] : statement if local.kms_encrypted || local.watched_bucket_encrypted],
      [for statement in [local.encrypt_statement] : statement if local.kms_encrypted],
    )
  })

  # The ledger: what the effects in lambdas/ledger/src/effect.rs need. The permission to sign is in the key policy.
  ledger_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # Journal entries of the hour and the last manifest; 404 instead of 403 for a missing receipt.
        {
          Sid       = "SeeLedger"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.receipts
          Condition = { StringLike = { "s3:prefix" = [for prefix in local.reserved_prefixes : "${prefix}*"] } }
        },
        # A manifest lists a receipt only if its contents match the journal entry.
        {
          Sid      = "ReadLedger"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = [for prefix in local.reserved_prefixes : "${local.arn.receipts}/${prefix}*"]
        },
        # Written with If-None-Match on the sequence number, so that of two concurrent runs only one succeeds.
        {
          Sid      = "WriteManifest"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.ledger_prefix}*"
        },
      ],
      [for statement in [local.decrypt_statement, local.encrypt_statement] : statement if local.kms_encrypted],
    )
  })
}
