# Policies of the function, the uploader role and the operator role. The comment above a statement says why it is needed.

locals {
  processing_objects = "${local.arn.processing}/${local.prefix}*"
  quarantine_objects = "${local.arn.quarantine}/${local.prefix}*"

  # Restricts listings to the prefix. Without a prefix there is nothing to restrict, so the condition is omitted.
  list_condition = { for key, condition in { Condition = { StringLike = { "s3:prefix" = "${local.prefix}*" } } } : key => condition if local.prefix != "" }

  # Conditions for using the deployment's key through one AWS service only.
  key_via_sns = merge(local.deployment.key.condition, { StringEquals = { "kms:ViaService" = ["sns.${local.deployment.region}.${local.deployment.dns_suffix}"] } })
  key_via_s3  = merge(local.deployment.key.condition, { StringEquals = { "kms:ViaService" = ["s3.${local.deployment.region}.${local.deployment.dns_suffix}"] } })

  # The function: what the effects in lambdas/ingest/src/effect.rs need. Their comments name these statements.
  function_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # Finds the version of an event without a version ID, and distinguishes a missing version from denied access.
        merge({
          Sid      = "FindVersion"
          Effect   = "Allow"
          Action   = "s3:ListBucketVersions"
          Resource = local.arn.processing
        }, local.list_condition),
        # GetObject and HeadObject of the version in the event, and the read side of the copy to quarantine.
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.processing_objects
        },
        # Read once at start and compared with SCHEMA_SHA256.
        {
          Sid      = "ReadSchema"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.arn.processing}/${local.schema_key}"
        },
        # One conditional put; if the condition fails, the response contains the existing item.
        {
          Sid      = "StoreItem"
          Effect   = "Allow"
          Action   = "dynamodb:PutItem"
          Resource = local.arn.table
        },
        # Finds out whether an invalid file was stored under an earlier schema; if so, it is not moved.
        {
          Sid      = "FindItem"
          Effect   = "Allow"
          Action   = "dynamodb:GetItem"
          Resource = local.arn.table
        },
        # Lists the copy and the reason record of a version. A missing object then returns 404 instead of 403.
        merge({
          Sid      = "SeeQuarantine"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = local.arn.quarantine
        }, local.list_condition),
        # GetObject of the reason record of an earlier delivery; HeadObject of the copy, or GetObject if it has no checksum.
        {
          Sid      = "ReadQuarantine"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = local.quarantine_objects
        },
        # The copy and the reason record next to it.
        {
          Sid      = "MoveToQuarantineWrite"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = local.quarantine_objects
        },
        # Deletes the exact version after the copy was verified. s3:DeleteObject is not granted: without a version
        # ID, it would add a delete marker on top of the latest version.
        {
          Sid      = "MoveToQuarantineDelete"
          Effect   = "Allow"
          Action   = "s3:DeleteObjectVersion"
          Resource = local.processing_objects
        },
        # Notifications for the outcomes in NOTIFY_ON.
        {
          Sid      = "Notify"
          Effect   = "Allow"
          Action   = "sns:Publish"
          Resource = local.arn.topic
        },
        # The topic is encrypted, and SNS uses the key with the permissions of the publisher.
        {
          Sid       = "UseTopicKey"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = local.deployment.key.resource
          Condition = local.key_via_sns
        },
        # The event source mapping polls the queue with this role.
        {
          Sid      = "TakeFromQueue"
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = local.arn.queue
        },
      ],
      [
        for statement in [
          # Reads from both buckets, including the source of a copy.
          {
            Sid       = "ReadEncrypted"
            Effect    = "Allow"
            Action    = "kms:Decrypt"
            Resource  = local.deployment.key.resource
            Condition = local.key_via_s3
          },
          # Writes to quarantine.
          {
            Sid       = "WriteEncrypted"
            Effect    = "Allow"
            Action    = "kms:GenerateDataKey"
            Resource  = local.deployment.key.resource
            Condition = local.key_via_s3
          },
        ] : statement if local.kms_encrypted
      ],
    )
  })

  # The uploader role: uploads files, and checks whether the same file is already there.
  uploader_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Upload"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = local.processing_objects
        },
        # Removes the parts of an interrupted multipart upload.
        {
          Sid      = "GiveUpParts"
          Effect   = "Allow"
          Action   = "s3:AbortMultipartUpload"
          Resource = local.processing_objects
        },
        # HeadObject with checksum, so that an interrupted upload of many files can be resumed.
        {
          Sid      = "CompareUploaded"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = local.processing_objects
        },
        # With it, HeadObject of a missing object returns 404 instead of 403.
        merge({
          Sid      = "SeeUploaded"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = local.arn.processing
        }, local.list_condition),
      ],
      [
        for statement in [
          # Protects the schema when the uploader may write to the whole bucket.
          {
            Sid      = "LeaveProjectFiles"
            Effect   = "Deny"
            Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
            Resource = "${local.arn.processing}/_sluice/*"
          },
        ] : statement if local.prefix == ""
      ],
      [
        for statement in [
          # CompleteMultipartUpload decrypts the data keys of the uploaded parts.
          {
            Sid       = "UploadEncrypted"
            Effect    = "Allow"
            Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
            Resource  = local.deployment.key.resource
            Condition = local.key_via_s3
          },
        ] : statement if local.kms_encrypted
      ],
    )
  })

  # The operator role: the AWS calls of the `sluice` commands that each comment names.
  operator_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # quarantine list, show and check, and status: keys; quarantine remove and release: the versions to delete
        merge({
          Sid      = "ListQuarantine"
          Effect   = "Allow"
          Action   = ["s3:ListBucket", "s3:ListBucketVersions"]
          Resource = local.arn.quarantine
        }, local.list_condition),
        # quarantine show: the reason record; quarantine release: the copy; reconcile: whether a reason record exists
        {
          Sid      = "ReadQuarantine"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = local.quarantine_objects
        },
        # quarantine remove and the last steps of quarantine release (Store::delete in crates/sluice): exact versions only
        {
          Sid      = "RemoveFromQuarantine"
          Effect   = "Allow"
          Action   = "s3:DeleteObjectVersion"
          Resource = local.quarantine_objects
        },
        # quarantine release: the copy back to the processing bucket
        {
          Sid      = "ReleaseToProcessing"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = local.processing_objects
        },
        # quarantine release: the current object, and verification of the new version; reconcile: each version
        {
          Sid      = "ReadProcessing"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = local.processing_objects
        },
        # backfill and reconcile: every version; quarantine release: 404 instead of 403 for a missing object
        merge({
          Sid      = "ListProcessing"
          Effect   = "Allow"
          Action   = ["s3:ListBucket", "s3:ListBucketVersions"]
          Resource = local.arn.processing
        }, local.list_condition),
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
        # reconcile: the source of the item with this key
        {
          Sid      = "ReadItems"
          Effect   = "Allow"
          Action   = "dynamodb:GetItem"
          Resource = local.arn.table
        },
      ],
      [
        for statement in [
          # schema check; without a prefix, ReadProcessing already allows it
          {
            Sid      = "ReadSchema"
            Effect   = "Allow"
            Action   = "s3:GetObject"
            Resource = "${local.arn.processing}/${local.schema_key}"
          },
        ] : statement if local.prefix != ""
      ],
      [
        for statement in [
          {
            Sid      = "LeaveProjectFiles"
            Effect   = "Deny"
            Action   = "s3:PutObject"
            Resource = "${local.arn.processing}/_sluice/*"
          },
        ] : statement if local.prefix == ""
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
      [
        for statement in [
          {
            Sid       = "RecordEncrypted"
            Effect    = "Allow"
            Action    = "kms:GenerateDataKey"
            Resource  = local.deployment.key.resource
            Condition = local.key_via_s3
          },
        ] : statement if try(var.records.encrypted, false) && !local.kms_encrypted
      ],
      [
        for statement in [
          {
            Sid       = "MoveEncrypted"
            Effect    = "Allow"
            Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
            Resource  = local.deployment.key.resource
            Condition = local.key_via_s3
          },
        ] : statement if local.kms_encrypted
      ],
    )
  })
}
