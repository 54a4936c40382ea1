# The people beside it: who uploads, who checks, who mends.

locals {
  # Whoever reads or writes what is encrypted.
  use_key_statement = {
    Sid       = "UseEncrypted"
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = local.deployment.key.resource
    Condition = local.key_via_s3
  }

  # The uploader: puts files, and can see whether one is there already, and how it is encrypted.
  uploader_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # A large file goes in parts, which are dropped when it is interrupted.
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
        # Makes a head answer 404, not 403, for what is not there.
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

  # verify: what the ingest refused and moved, copies under the key and the version-id of their source
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

  # The auditor: hashes again and compares with receipts and manifests, and asks Athena. Writes nothing but answers.
  # That it may have the public key stands in the key's policy.
  auditor_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # verify: every version that should have a receipt
      local.list_version_statements,
      [
        # verify: the bytes
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.watched_objects
        },
        # verify: receipts, announcements, manifests; Athena: the receipts. `aws s3 sync` of a whole bucket lists it with
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
        # Athena: the events
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
        # Athena writes and reads its answers in the name of who asks, after a look at the bucket's region.
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

  # The operator: backfill, which announces what was missed and hashes what takes a function too long; the dead letters.
  operator_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # every version that should have a receipt
      local.list_version_statements,
      [
        # hash here what the function deferred
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.watched_objects
        },
        # which receipts there are
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
        # redrive: who did it and why
        {
          Sid      = "RecordOperation"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = "${local.arn.receipts}/${local.operator_prefix}*"
        },
        # redrive: take, give back what stays, delete once it is in the queue again; status: depth
        {
          Sid      = "TakeDeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = [local.arn.event_dead_letters, local.arn.queue_dead_letters]
        },
        # redrive and backfill: announce to the function; status: depth
        {
          Sid      = "AnnounceAgain"
          Effect   = "Allow"
          Action   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
          Resource = local.arn.queue
        },
        # status: ages and last ends. CloudWatch knows no narrower resource for metrics.
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
  description = "Checks receipts and manifests of ${local.receipts_bucket_name}, and asks ${local.name.workgroup}"
  trusted     = { AWS = var.settings.auditor_principals }
  policies    = { audit = local.auditor_policy }
}

module "operator" {
  source = "../role"
  count  = length(var.settings.operator_principals) > 0 ? 1 : 0

  deployment  = local.deployment
  name        = local.name.operator_role
  description = "Completes the receipts of ${local.receipts_bucket_name}, and looks after the dead letters of ${local.name.function}"
  trusted     = { AWS = var.settings.operator_principals }
  policies    = { operate = local.operator_policy }
}
