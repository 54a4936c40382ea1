# IAM roles that people assume: uploader, auditor and operator. The comment above a statement says why it is needed.

locals {
  # For roles that both read and write objects encrypted with the deployment's key.
  use_key_statement = {
    Sid       = "UseEncrypted"
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = local.deployment.key.resource
    Condition = local.key_via_s3
  }

  # The uploader role: uploads files, and checks whether a file is already there and how it is encrypted.
  uploader_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # AbortMultipartUpload removes the parts of an interrupted upload.
        {
          Sid      = "Upload"
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
          Resource = [for prefix in local.prefixes : "${local.arn.data}/${prefix}*"]
        },
        {
          Sid      = "CompareUploaded"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = [for prefix in local.prefixes : "${local.arn.data}/${prefix}*"]
        },
        # With it, HeadObject of a missing object returns 404 instead of 403.
        {
          Sid       = "SeeUploaded"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.data
          Condition = { StringLike = { "s3:prefix" = [for prefix in local.prefixes : "${prefix}*"] } }
        },
      ],
      [for statement in [local.use_key_statement] : statement if local.kms_encrypted],
    )
  })

  # verify: files that `ingest` moved to quarantine, under the key and version ID of their source
  quarantine_read_statements = flatten([
    for ingest in var.ingest[*] : [
      {
        Sid      = "FindMoved"
        Effect   = "Allow"
        Action   = "s3:ListBucketVersions"
        Resource = "arn:${local.deployment.partition}:s3:::${ingest.quarantine}"
      },
      {
        Sid      = "ReadMoved"
        Effect   = "Allow"
        Action   = "s3:GetObjectVersion"
        Resource = "arn:${local.deployment.partition}:s3:::${ingest.quarantine}/*"
      },
    ]
  ])

  # The auditor role: verifies objects against receipts and manifests, and runs Athena queries. It writes nothing except
  # query results. The permission to read the public key is in the key policy.
  auditor_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # verify: every object version that should have a receipt
      local.list_version_statements,
      [
        # verify: the contents to hash
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.watched_objects
        },
        # verify: receipts, journal entries and manifests; Athena: receipts. `aws s3 sync` of a whole bucket lists it with
        # an empty prefix.
        {
          Sid       = "ListLedger"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.receipts
          Condition = { StringLike = { "s3:prefix" = concat([for all in [""] : all if !local.receipts_in_data_bucket], [for prefix in local.reserved_prefixes : "${prefix}*"]) } }
        },
        {
          Sid      = "ReadLedger"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = [for prefix in local.reserved_prefixes : "${local.arn.receipts}/${prefix}*"]
        },
        # Athena: the CloudTrail log files
        {
          Sid       = "ListTrail"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.trail_bucket
          Condition = { StringLike = { "s3:prefix" = "${local.trail_prefix}*" } }
        },
        {
          Sid      = "ReadTrail"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.arn.trail_bucket}/${local.trail_prefix}*"
        },
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
        {
          Sid      = "ReadCatalog"
          Effect   = "Allow"
          Action   = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"]
          Resource = [local.arn.catalog, local.arn.database, local.arn.tables]
        },
        # Athena reads and writes query results with the permissions of the caller.
        {
          Sid      = "KeepAnswers"
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
          Resource = "${local.arn.queries}/results/*"
        },
        {
          Sid      = "FindAnswers"
          Effect   = "Allow"
          Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
          Resource = local.arn.queries
        },
      ],
      local.quarantine_read_statements,
      [for statement in [local.use_key_statement] : statement if local.kms_encrypted],
      [for statement in [local.decrypt_statement] : statement if !local.kms_encrypted && local.watched_bucket_encrypted],
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
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.watched_objects
        },
        # backfill: the existing receipts
        {
          Sid       = "ListReceipts"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.arn.receipts
          Condition = { StringLike = { "s3:prefix" = "${local.receipts_prefix}*" } }
        },
        {
          Sid      = "ReadReceipts"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.arn.receipts}/${local.receipts_prefix}*"
        },
        {
          Sid      = "AnnounceReceipt"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.journal_prefix}*"
        },
        {
          Sid      = "WriteReceipt"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.receipts_prefix}*"
        },
        # redrive: the operator record
        {
          Sid      = "RecordOperation"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.operator_prefix}*"
        },
        # redrive: receive messages, return those that stay, delete those that were sent; status: queue depth
        {
          Sid      = "TakeDeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = [local.arn.event_dead_letters, local.arn.queue_dead_letters]
        },
        # redrive and backfill: send events to the queue; status: queue depth
        {
          Sid      = "AnnounceAgain"
          Effect   = "Allow"
          Action   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
          Resource = local.arn.queue
        },
        # status: message ages and recent outcomes. GetMetricData does not support resource-level permissions.
        {
          Sid      = "SeeMetrics"
          Effect   = "Allow"
          Action   = "cloudwatch:GetMetricData"
          Resource = "*"
        },
      ],
      [for statement in [local.use_key_statement] : statement if local.kms_encrypted],
      [for statement in [local.decrypt_statement] : statement if !local.kms_encrypted && local.watched_bucket_encrypted],
    )
  })
}

module "uploader" {
  source = "../role"
  count  = length(var.settings.uploader_principals) > 0 ? 1 : 0

  deployment  = local.deployment
  name        = local.name.uploader_role
  description = "Uploads to ${local.name.data}"
  trusted     = { AWS = var.settings.uploader_principals }
  policies    = { upload = local.uploader_policy }
}

module "auditor" {
  source = "../role"
  count  = length(var.settings.auditor_principals) > 0 ? 1 : 0

  deployment  = local.deployment
  name        = local.name.auditor_role
  description = "Verifies receipts and manifests in ${local.receipts_bucket_name}, and runs queries in ${local.name.workgroup}"
  trusted     = { AWS = var.settings.auditor_principals }
  policies    = { audit = local.auditor_policy }
}

module "operator" {
  source = "../role"
  count  = length(var.settings.operator_principals) > 0 ? 1 : 0

  deployment  = local.deployment
  name        = local.name.operator_role
  description = "Completes receipts in ${local.receipts_bucket_name}, and manages the dead-letter queues of ${local.name.function}"
  trusted     = { AWS = var.settings.operator_principals }
  policies    = { operate = local.operator_policy }
}
