# What the two functions may do. Each statement stands beside the reason for it; its Sid is unique in its policy.

locals {
  # Every object that is watched, and each bucket's listing narrowed to the same.
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

  # The deployment's key, used through S3 only; and what it takes to read or write with it.
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

  # The function: one statement per effect of its protocol.
  function_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # An event may come without a version-id, and a missing version must be told from a forbidden one.
      local.list_version_statements,
      [
        # Head and ranges of exactly the version that the event names.
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.watched_objects
        },
        # A head on a receipt that is not there answers 404 only to those who may list; else 403.
        {
          Sid       = "SeeReceipts"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.receipts
          Condition = { StringLike = { "s3:prefix" = "${local.receipts_prefix}*" } }
        },
        # A redelivery finds the receipt and hashes nothing again.
        {
          Sid      = "ReadReceipt"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.arn.receipts}/${local.receipts_prefix}*"
        },
        # Before the receipt, so that the ledger hears of every one.
        {
          Sid      = "AnnounceReceipt"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.journal_prefix}*"
        },
        # Once: If-None-Match. There is no statement that deletes.
        {
          Sid      = "WriteReceipt"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.receipts_prefix}*"
        },
        # The event-source mapping polls as this role.
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

  # The ledger: reads what was announced and what was signed before, writes the next manifest. That it may
  # sign stands in the key's policy.
  ledger_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # The announcements of the hour and the last manifest; 404, not 403, for a receipt that is not there yet.
        {
          Sid       = "SeeLedger"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.receipts
          Condition = { StringLike = { "s3:prefix" = [for prefix in local.reserved_prefixes : "${prefix}*"] } }
        },
        # Only a receipt with the announced bytes is signed for.
        {
          Sid      = "ReadLedger"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = [for prefix in local.reserved_prefixes : "${local.arn.receipts}/${prefix}*"]
        },
        # Once: If-None-Match on the sequence number decides between two writers.
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
