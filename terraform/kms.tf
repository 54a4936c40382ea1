# What the systems share: one customer key, one topic for alarms.

locals {
  key_alias        = "alias/${local.name}"
  account_root_arn = "arn:${data.aws_partition.this.partition}:iam::${local.account_id}:root"

  # Every action of administration, by name: whoever IAM lets do them, may.
  key_administration = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
  ]

  # From names alone: the key has to let the trail in before there is one.
  encrypted_trail_arns = [
    for name in [coalesce(try(var.provenance.names.trail, null), "${local.name}-provenance")] :
    "arn:${data.aws_partition.this.partition}:cloudtrail:${var.region}:${local.account_id}:trail/${name}"
    if try(var.provenance.encryption, "") == "sse-kms"
  ]

  # `resource` and `condition` go into statements. A key that is made here has no ARN before
  # apply, so it is named by its alias; a key that was given is named by its ARN.
  key = {
    arn      = coalesce(var.kms_key_arn, one(aws_kms_alias.this[*].target_key_arn))
    resource = var.kms_key_arn == null ? "arn:${data.aws_partition.this.partition}:kms:${var.region}:${local.account_id}:key/*" : var.kms_key_arn
    condition = {
      for operator, test in {
        "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = [local.key_alias] }
      } : operator => test if var.kms_key_arn == null
    }
  }
}

resource "aws_kms_key" "this" {
  count = var.kms_key_arn == null ? 1 : 0

  description             = "${local.name}: topics, and buckets with encryption = sse-kms"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  # In a key policy "*" is this key and nothing else.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "AdministerKey"
        Effect    = "Allow"
        Principal = { AWS = local.account_root_arn }
        Action    = local.key_administration
        Resource  = "*"
      },
      {
        # The systems' roles name this key in their own policies.
        Sid       = "UseKeyThroughIam"
        Effect    = "Allow"
        Principal = { AWS = local.account_root_arn }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
      },
      {
        # An alarm publishes to an encrypted topic as the service itself.
        Sid       = "EncryptAlarmNotices"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnLike      = { "aws:SourceArn" = local.alarm_arn_pattern }
        }
      },
      ], [
      for trail_arn in local.encrypted_trail_arns : {
        # CloudTrail encrypts what it delivers as the service itself; Decrypt is for the bucket's own data key.
        Sid       = "EncryptTrail"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { ArnEquals = { "aws:SourceArn" = trail_arn } }
      }
    ])
  })
}

resource "aws_kms_alias" "this" {
  count = length(aws_kms_key.this)

  name          = local.key_alias
  target_key_id = aws_kms_key.this[0].key_id
}
