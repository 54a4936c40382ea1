# Policies of the two functions. The comment above a statement says why it is needed. The use of the KMS key for encrypted
# buckets is a policy of its own: see the module `role`.

locals {
  # The watched objects, and statements for listing the versions of each watched bucket within the watched prefixes.
  watched_objects = flatten([
    for watch in values(local.watched_buckets) : length(watch.prefixes) > 0 ?
    [for prefix in watch.prefixes : "arn:${local.deployment.partition}:s3:::${watch.bucket}/${prefix}*"] :
    ["arn:${local.deployment.partition}:s3:::${watch.bucket}/*"]
  ])
  list_version_statements = [
    for watch in values(local.watched_buckets) : merge(
      {
        Sid      = "FindVersion${replace(title(watch.suffix), "-", "")}"
        Effect   = "Allow"
        Action   = "s3:ListBucketVersions"
        Resource = "arn:${local.deployment.partition}:s3:::${watch.bucket}"
      },
      length(watch.prefixes) == 0 ? {} : { Condition = { StringLike = { "s3:prefix" = [for prefix in watch.prefixes : "${prefix}*"] } } },
    )
  ]
  watched_bucket_encrypted = anytrue([for watch in values(local.watched_buckets) : watch.encrypted])

  # The function: what the effects in lambdas/provenance/src/effect.rs need. Their comments name these statements.
  function_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # Finds the version of an event without a version ID, and distinguishes a missing version from denied access.
      local.list_version_statements,
      [
        # HeadObject and ranged GetObject of the version in the event.
        { Sid = "ReadVersion", Effect = "Allow", Action = "s3:GetObjectVersion", Resource = local.watched_objects },
        # HeadObject of a missing receipt returns 404 only with ListBucket permission; otherwise it returns 403.
        { Sid = "SeeReceipts", Effect = "Allow", Action = "s3:ListBucket", Resource = local.arn.receipts, Condition = { StringLike = { "s3:prefix" = "${local.receipts_prefix}*" } } },
        # A redelivered event finds the existing receipt, so that the version is not hashed again.
        { Sid = "ReadReceipt", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.arn.receipts}/${local.receipts_prefix}*" },
        # The journal entry, written before the receipt, so that the ledger finds every receipt.
        { Sid = "AnnounceReceipt", Effect = "Allow", Action = "s3:PutObject", Resource = "${local.arn.receipts}/${local.journal_prefix}*" },
        # Written with If-None-Match, so that a receipt is never replaced. No statement allows deletion.
        { Sid = "WriteReceipt", Effect = "Allow", Action = "s3:PutObject", Resource = "${local.arn.receipts}/${local.receipts_prefix}*" },
        module.consumer.receive_statement,
      ],
    )
  })

  # The ledger: what the effects in lambdas/ledger/src/effect.rs need. The permission to sign is in the key policy.
  ledger_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # Journal entries of the hour and the last manifest; 404 instead of 403 for a missing receipt.
      {
        Sid       = "SeeLedger"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.arn.receipts
        Condition = { StringLike = { "s3:prefix" = [for prefix in local.reserved_prefixes : "${prefix}*"] } }
      },
      # A manifest lists a receipt only if its contents match the journal entry.
      { Sid = "ReadLedger", Effect = "Allow", Action = "s3:GetObject", Resource = [for prefix in local.reserved_prefixes : "${local.arn.receipts}/${prefix}*"] },
      # Written with If-None-Match on the sequence number, so that of two concurrent runs only one succeeds.
      { Sid = "WriteManifest", Effect = "Allow", Action = "s3:PutObject", Resource = "${local.arn.receipts}/${local.ledger_prefix}*" },
    ]
  })
}
