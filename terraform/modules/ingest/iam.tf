# Policies of the function, and the roles that people assume. The comment above a statement says why it is needed. The use
# of the KMS key for encrypted buckets is a policy of its own: see the module `role`.

locals {
  processing_objects = "${local.arn.processing}/${local.prefix}*"
  quarantine_objects = "${local.arn.quarantine}/${local.prefix}*"

  # Restricts listings to the prefix. Without a prefix there is nothing to restrict, so the condition is omitted.
  list_condition = local.prefix == "" ? {} : { Condition = { StringLike = { "s3:prefix" = "${local.prefix}*" } } }

  # The function: what the effects in lambdas/ingest/src/effect.rs need. Their comments name these statements.
  function_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # Finds the version of an event without a version ID, and distinguishes a missing version from denied access.
      merge({ Sid = "FindVersion", Effect = "Allow", Action = "s3:ListBucketVersions", Resource = local.arn.processing }, local.list_condition),
      # GetObject and HeadObject of the version in the event, and the read side of the copy to quarantine.
      { Sid = "ReadVersion", Effect = "Allow", Action = "s3:GetObjectVersion", Resource = local.processing_objects },
      # Read once at start and compared with SCHEMA_SHA256.
      { Sid = "ReadSchema", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.arn.processing}/${local.schema_key}" },
      # One conditional put; if the condition fails, the response contains the existing item.
      { Sid = "StoreItem", Effect = "Allow", Action = "dynamodb:PutItem", Resource = local.arn.table },
      # Finds out whether an invalid file was stored under an earlier schema; if so, it is not moved.
      { Sid = "FindItem", Effect = "Allow", Action = "dynamodb:GetItem", Resource = local.arn.table },
      # Lists the copy and the reason record of a version. A missing object then returns 404 instead of 403.
      merge({ Sid = "SeeQuarantine", Effect = "Allow", Action = "s3:ListBucket", Resource = local.arn.quarantine }, local.list_condition),
      # GetObject of the reason record of an earlier delivery; HeadObject of the copy, or GetObject if it has no checksum.
      { Sid = "ReadQuarantine", Effect = "Allow", Action = "s3:GetObject", Resource = local.quarantine_objects },
      # The copy and the reason record next to it.
      { Sid = "MoveToQuarantineWrite", Effect = "Allow", Action = "s3:PutObject", Resource = local.quarantine_objects },
      # Deletes the exact version after the copy was verified. s3:DeleteObject is not granted: without a version
      # ID, it would add a delete marker on top of the latest version.
      { Sid = "MoveToQuarantineDelete", Effect = "Allow", Action = "s3:DeleteObjectVersion", Resource = local.processing_objects },
      # Notifications for the outcomes in NOTIFY_ON.
      { Sid = "Notify", Effect = "Allow", Action = "sns:Publish", Resource = local.arn.topic },
      # The topic is encrypted, and SNS uses the key with the permissions of the publisher.
      { Sid = "UseTopicKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.key.resource, Condition = var.key.via_sns },
      module.consumer.receive_statement,
    ]
  })

  # The uploader role: uploads files, and checks whether the same file is already there.
  uploader_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "Upload", Effect = "Allow", Action = "s3:PutObject", Resource = local.processing_objects },
        # Removes the parts of an interrupted multipart upload.
        { Sid = "GiveUpParts", Effect = "Allow", Action = "s3:AbortMultipartUpload", Resource = local.processing_objects },
        # HeadObject with checksum, so that an interrupted upload of many files can be resumed.
        { Sid = "CompareUploaded", Effect = "Allow", Action = "s3:GetObject", Resource = local.processing_objects },
        # With it, HeadObject of a missing object returns 404 instead of 403.
        merge({ Sid = "SeeUploaded", Effect = "Allow", Action = "s3:ListBucket", Resource = local.arn.processing }, local.list_condition),
      ],
      local.prefix != "" ? [] : [
        # Protects the schema when the uploader may write to the whole bucket.
        { Sid = "LeaveProjectFiles", Effect = "Deny", Action = ["s3:AbortMultipartUpload", "s3:PutObject"], Resource = "${local.arn.processing}/_sluice/*" },
      ],
    )
  })

  # The operator role: the AWS calls of the `sluice` commands that each comment names.
  operator_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # quarantine list, show and check, and status: keys; quarantine remove and release: the versions to delete
        merge({ Sid = "ListQuarantine", Effect = "Allow", Action = ["s3:ListBucket", "s3:ListBucketVersions"], Resource = local.arn.quarantine }, local.list_condition),
        # quarantine show: the reason record; quarantine release: the copy; reconcile: whether a reason record exists
        { Sid = "ReadQuarantine", Effect = "Allow", Action = "s3:GetObject", Resource = local.quarantine_objects },
        # quarantine remove and the last steps of quarantine release (Store::delete in crates/sluice): exact versions only
        { Sid = "RemoveFromQuarantine", Effect = "Allow", Action = "s3:DeleteObjectVersion", Resource = local.quarantine_objects },
        # quarantine release: the copy back to the processing bucket
        { Sid = "ReleaseToProcessing", Effect = "Allow", Action = "s3:PutObject", Resource = local.processing_objects },
        # quarantine release: the current object, and verification of the new version; reconcile: each version
        { Sid = "ReadProcessing", Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion"], Resource = local.processing_objects },
        # backfill and reconcile: every version; quarantine release: 404 instead of 403 for a missing object
        merge({ Sid = "ListProcessing", Effect = "Allow", Action = ["s3:ListBucket", "s3:ListBucketVersions"], Resource = local.arn.processing }, local.list_condition),
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
        # reconcile: the source of the item with this key
        { Sid = "ReadItems", Effect = "Allow", Action = "dynamodb:GetItem", Resource = local.arn.table },
      ],
      [
        local.prefix != "" ?
        # schema check; without a prefix, ReadProcessing already allows it
        { Sid = "ReadSchema", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.arn.processing}/${local.schema_key}" } :
        { Sid = "LeaveProjectFiles", Effect = "Deny", Action = "s3:PutObject", Resource = "${local.arn.processing}/_sluice/*" },
      ],
      # quarantine remove, quarantine release and redrive: the operator record and its journal entry, written first
      [
        for records in var.records[*] : {
          Sid      = "RecordOperation"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = records.resources
        }
      ],
    )
  })
}

# Has no permissions of its own: the trust policy of the uploader role names the user.
resource "aws_iam_user" "uploader" {
  count = var.settings.uploader_user == null ? 0 : 1

  name                 = var.settings.uploader_user
  path                 = local.deployment.role_path
  permissions_boundary = local.deployment.permissions_boundary
  force_destroy        = local.deployment.allow_destroy # access keys
}

module "uploader" {
  source = "../assumable-role"

  deployment        = local.deployment
  name              = local.name.uploader_role
  description       = "Uploads to ${local.name.processing}/${local.prefix}"
  principals        = concat(local.settings.uploader_principals, [for user in aws_iam_user.uploader : "arn:${local.deployment.partition}:iam::${local.deployment.account_id}:user${user.path}${user.name}"])
  policies          = { upload = local.uploader_policy }
  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted, write = local.kms_encrypted } # CompleteMultipartUpload decrypts the data keys of the parts
}

module "operator" {
  source = "../assumable-role"

  deployment        = local.deployment
  name              = local.name.operator_role
  description       = "Manages the quarantine and the dead-letter queues of ${local.name.function}"
  principals        = local.settings.operator_principals
  policies          = { operate = local.operator_policy }
  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted, write = local.kms_encrypted || try(var.records.encrypted, false) }
}
