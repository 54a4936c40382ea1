# Who may do what. Each statement stands beside the reason for it; its Sid is unique in its policy.

locals {
  processing_objects = "${local.arn.processing}/${local.prefix}*"
  quarantine_objects = "${local.arn.quarantine}/${local.prefix}*"

  # Without a prefix there is nothing to restrict a listing to, and `*` would only look as if.
  list_condition = { for key, condition in { Condition = { StringLike = { "s3:prefix" = "${local.prefix}*" } } } : key => condition if local.prefix != "" }

  # The deployment's key, used through one service only.
  key_via_sns = merge(local.deployment.key.condition, { StringEquals = { "kms:ViaService" = ["sns.${local.deployment.region}.${local.deployment.dns_suffix}"] } })
  key_via_s3  = merge(local.deployment.key.condition, { StringEquals = { "kms:ViaService" = ["s3.${local.deployment.region}.${local.deployment.dns_suffix}"] } })

  # The function: one statement per effect of its protocol.
  function_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # An event may come without a version-id, and a missing version must be told from a forbidden one.
        merge({
          Sid      = "FindVersion"
          Effect   = "Allow"
          Action   = "s3:ListBucketVersions"
          Resource = local.arn.processing
        }, local.list_condition),
        # Reads what the event names; the copy to quarantine reads it again; a head of what cannot be read says why.
        {
          Sid      = "ReadVersion"
          Effect   = "Allow"
          Action   = "s3:GetObjectVersion"
          Resource = local.processing_objects
        },
        # At start, once, against SCHEMA_SHA256.
        {
          Sid      = "ReadSchema"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${local.arn.processing}/${local.schema_key}"
        },
        # One conditional put, which also answers with the item that was there first.
        {
          Sid      = "StoreItem"
          Effect   = "Allow"
          Action   = "dynamodb:PutItem"
          Resource = local.arn.table
        },
        # An invalid file may be one that was stored under an earlier schema: then it stays.
        {
          Sid      = "FindItem"
          Effect   = "Allow"
          Action   = "dynamodb:GetItem"
          Resource = local.arn.table
        },
        # A head on what is not yet in quarantine answers 404 only to those who may list; else 403.
        merge({
          Sid      = "SeeQuarantine"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = local.arn.quarantine
        }, local.list_condition),
        # Head on the copy: is it there from an earlier try, are its size and checksum right?
        {
          Sid      = "ReadQuarantine"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = local.quarantine_objects
        },
        # The copy and the reason beside it.
        {
          Sid      = "MoveToQuarantineWrite"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = local.quarantine_objects
        },
        # The exact version, after the copy was verified. Never s3:DeleteObject: that hides, and hides the latest.
        {
          Sid      = "MoveToQuarantineDelete"
          Effect   = "Allow"
          Action   = "s3:DeleteObjectVersion"
          Resource = local.processing_objects
        },
        # Tells people of the ends in NOTIFY_ON. The topic's own policy would not help a role's call.
        {
          Sid      = "Notify"
          Effect   = "Allow"
          Action   = "sns:Publish"
          Resource = local.arn.topic
        },
        # The topic is encrypted, and SNS uses the key in the name of who publishes.
        {
          Sid       = "UseTopicKey"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = local.deployment.key.resource
          Condition = local.key_via_sns
        },
        # The event-source mapping polls as this role.
        {
          Sid      = "TakeFromQueue"
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = local.arn.queue
        },
      ],
      [
        for statement in [
          # Reads of both buckets, and a copy's read of its source.
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

  # The uploader: puts files, and can see whether one is there already with the same bytes.
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
        # A large file goes in parts, which are dropped when it is interrupted.
        {
          Sid      = "GiveUpParts"
          Effect   = "Allow"
          Action   = "s3:AbortMultipartUpload"
          Resource = local.processing_objects
        },
        # Head with checksum, so that an interrupted upload of many files can go on.
        {
          Sid      = "CompareUploaded"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = local.processing_objects
        },
        # Makes that head answer 404, not 403, for what is not there.
        merge({
          Sid      = "SeeUploaded"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = local.arn.processing
        }, local.list_condition),
      ],
      [
        for statement in [
          # The schema is the project's, also when the whole bucket is the prefix.
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
          # A part is encrypted with a data key that the completion reads again.
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

  # The operator: everything the operator's tool does, command by command.
  operator_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # quarantine list, show, check, status: keys; remove and release: the versions to delete
        merge({
          Sid      = "ListQuarantine"
          Effect   = "Allow"
          Action   = ["s3:ListBucket", "s3:ListBucketVersions"]
          Resource = local.arn.quarantine
        }, local.list_condition),
        # the reasons; release: the copy; reconcile: is there a reason?
        {
          Sid      = "ReadQuarantine"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = local.quarantine_objects
        },
        # quarantine remove, and the last step of release: exact versions only
        {
          Sid      = "RemoveFromQuarantine"
          Effect   = "Allow"
          Action   = "s3:DeleteObjectVersion"
          Resource = local.quarantine_objects
        },
        # quarantine release: copy back
        {
          Sid      = "ReleaseToProcessing"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = local.processing_objects
        },
        # quarantine release: what is current there, and whether the new version arrived whole; reconcile: each version
        {
          Sid      = "ReadProcessing"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = local.processing_objects
        },
        # backfill, reconcile: every version; release: 404, not 403, for what is not there
        merge({
          Sid      = "ListProcessing"
          Effect   = "Allow"
          Action   = ["s3:ListBucket", "s3:ListBucketVersions"]
          Resource = local.arn.processing
        }, local.list_condition),
        # redrive: take, give back what stays, delete once it is in the queue again; status: depth
        {
          Sid      = "TakeDeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = [local.arn.event_dead_letters, local.arn.queue_dead_letters]
        },
        # redrive and backfill: announce; status: depth
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
        # reconcile: whose item is under this key?
        {
          Sid      = "ReadItems"
          Effect   = "Allow"
          Action   = "dynamodb:GetItem"
          Resource = local.arn.table
        },
      ],
      [
        for statement in [
          # schema check; without a prefix, ReadProcessing has it already.
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
      # quarantine remove and release, redrive: who did it and why, announced first
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
