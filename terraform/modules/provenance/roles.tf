# IAM roles that people assume: uploader, auditor and operator. The comment above a statement says why it is needed.

locals {
  # The uploader role: uploads files, and checks whether a file is already there and how it is encrypted.
  uploader_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # AbortMultipartUpload removes the parts of an interrupted upload.
      { Sid = "Upload", Effect = "Allow", Action = ["s3:AbortMultipartUpload", "s3:PutObject"], Resource = [for prefix in local.prefixes : "${local.arn.data}/${prefix}*"] },
      { Sid = "CompareUploaded", Effect = "Allow", Action = "s3:GetObject", Resource = [for prefix in local.prefixes : "${local.arn.data}/${prefix}*"] },
      # With it, HeadObject of a missing object returns 404 instead of 403.
      {
        Sid       = "SeeUploaded"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.arn.data
        Condition = { StringLike = { "s3:prefix" = [for prefix in local.prefixes : "${prefix}*"] } }
      },
    ]
  })

  # verify: files that were moved to another bucket, as `ingest` does with invalid files, under the key and version ID of their source
  moved_to = [for watch in values(local.watched_buckets) : "arn:${local.deployment.partition}:s3:::${watch.moved_to}" if watch.moved_to != null]
  moved_read_statements = length(local.moved_to) == 0 ? [] : [
    { Sid = "FindMoved", Effect = "Allow", Action = "s3:ListBucketVersions", Resource = local.moved_to },
    { Sid = "ReadMoved", Effect = "Allow", Action = "s3:GetObjectVersion", Resource = [for arn in local.moved_to : "${arn}/*"] },
  ]

  # The auditor role: verifies objects against receipts and manifests, and runs Athena queries. It writes nothing except
  # query results. The permission to read the public key is in the key policy.
  auditor_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # verify: every object version that should have a receipt
      local.list_version_statements,
      [
        # verify: the contents to hash
        { Sid = "ReadVersion", Effect = "Allow", Action = "s3:GetObjectVersion", Resource = local.watched_objects },
        # verify: receipts, journal entries and manifests; Athena: receipts. `aws s3 sync` of a whole bucket lists it with
        # an empty prefix.
        {
          Sid       = "ListLedger"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.receipts
          Condition = { StringLike = { "s3:prefix" = concat(local.receipts_in_data_bucket ? [] : [""], [for prefix in local.reserved_prefixes : "${prefix}*"]) } }
        },
        { Sid = "ReadLedger", Effect = "Allow", Action = "s3:GetObject", Resource = [for prefix in local.reserved_prefixes : "${local.arn.receipts}/${prefix}*"] },
        # Athena: the CloudTrail log files
        { Sid = "ListTrail", Effect = "Allow", Action = "s3:ListBucket", Resource = local.arn.trail_bucket, Condition = { StringLike = { "s3:prefix" = "${local.trail_prefix}*" } } },
        { Sid = "ReadTrail", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.arn.trail_bucket}/${local.trail_prefix}*" },
        {
          Sid    = "Ask"
          Effect = "Allow"
          Action = [
            "athena:GetNamedQuery",
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
            "athena:GetWorkGroup",
            "athena:ListNamedQueries",
            "athena:StartQueryExecution",
            "athena:StopQueryExecution",
          ]
          Resource = local.arn.workgroup
        },
        { Sid = "ReadCatalog", Effect = "Allow", Action = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"], Resource = [local.arn.catalog, local.arn.database, local.arn.tables] },
        # Athena reads and writes query results with the permissions of the caller.
        {
          Sid      = "KeepAnswers"
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
          Resource = "${local.arn.queries}/results/*"
        },
        { Sid = "FindAnswers", Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:ListBucket"], Resource = local.arn.queries },
      ],
      local.moved_read_statements,
    )
  })

  # The operator role: `sluice provenance backfill`, which sends missed versions to the function and hashes those that
  # are too large for it, and `sluice redrive`.
  operator_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # backfill: every object version that should have a receipt
      local.list_version_statements,
      [
        # backfill: the contents of deferred versions, hashed locally
        { Sid = "ReadVersion", Effect = "Allow", Action = "s3:GetObjectVersion", Resource = local.watched_objects },
        # backfill: the existing receipts
        { Sid = "ListReceipts", Effect = "Allow", Action = "s3:ListBucket", Resource = local.arn.receipts, Condition = { StringLike = { "s3:prefix" = "${local.receipts_prefix}*" } } },
        { Sid = "ReadReceipts", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.arn.receipts}/${local.receipts_prefix}*" },
        { Sid = "AnnounceReceipt", Effect = "Allow", Action = "s3:PutObject", Resource = "${local.arn.receipts}/${local.journal_prefix}*" },
        { Sid = "WriteReceipt", Effect = "Allow", Action = "s3:PutObject", Resource = "${local.arn.receipts}/${local.receipts_prefix}*" },
        # redrive: the operator record
        { Sid = "RecordOperation", Effect = "Allow", Action = "s3:PutObject", Resource = "${local.arn.receipts}/${local.operator_prefix}*" },
        # redrive: receive messages, return those that stay, delete those that were sent; status: queue depth
        {
          Sid      = "TakeDeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = [module.consumer.arns.event_dead_letters, module.consumer.arns.queue_dead_letters]
        },
        # redrive and backfill: send events to the queue; status: queue depth
        { Sid = "AnnounceAgain", Effect = "Allow", Action = ["sqs:GetQueueAttributes", "sqs:SendMessage"], Resource = module.consumer.arns.queue },
        # status: message ages and recent outcomes. GetMetricData does not support resource-level permissions.
        { Sid = "SeeMetrics", Effect = "Allow", Action = "cloudwatch:GetMetricData", Resource = "*" },
      ],
    )
  })
}

module "uploader" {
  source = "../assumable-role"

  deployment  = local.deployment
  name        = local.name.uploader_role
  description = "Uploads to ${local.name.data}"
  principals  = local.settings.uploader_principals
  policies    = { upload = local.uploader_policy }

  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted, write = local.kms_encrypted } # CompleteMultipartUpload decrypts the data keys of the parts
}

module "auditor" {
  source = "../assumable-role"

  deployment  = local.deployment
  name        = local.name.auditor_role
  description = "Verifies receipts and manifests in ${local.receipts_bucket_name}, and runs queries in ${local.name.workgroup}"
  principals  = local.settings.auditor_principals
  policies    = { audit = local.auditor_policy }

  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted || local.watched_bucket_encrypted, write = local.kms_encrypted }
}

module "operator" {
  source = "../assumable-role"

  deployment  = local.deployment
  name        = local.name.operator_role
  description = "Completes receipts in ${local.receipts_bucket_name}, and manages the dead-letter queues of ${local.name.function}"
  principals  = local.settings.operator_principals
  policies    = { operate = local.operator_policy }

  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted || local.watched_bucket_encrypted, write = local.kms_encrypted }
}
