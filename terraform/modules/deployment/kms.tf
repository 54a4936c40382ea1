# The customer managed key of the deployment: it encrypts the SNS topics, and the buckets with `encryption = "sse-kms"`.

locals {
  key_alias        = "alias/${local.name}"
  account_root_arn = "arn:${local.partition}:iam::${local.account_id}:root"

  # Listed by name, because a wildcard would include the cryptographic actions. IAM policies decide who may call them.
  key_administration_statement = {
    Sid       = "AdministerKey"
    Effect    = "Allow"
    Principal = { AWS = local.account_root_arn }
    Resource  = "*"
    Action = [
      "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
      "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations",
      "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
      "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
    ]
  }

  # The trail's ARN is built from names: the key policy must allow the trail before the trail exists.
  encrypted_trail_arns = var.provenance == null ? [] : [for trail in [module.provenance[0].trail] : trail.arn if trail.encrypted]

  # `resource` and the conditions are used in policy statements. The ARN of a key that is created here is not known at
  # plan time, so statements match it by its alias; a key from `kms_key_arn` is matched by its ARN.
  key_condition = var.kms_key_arn != null ? {} : { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = [local.key_alias] } }
  key = {
    arn            = coalesce(var.kms_key_arn, one(aws_kms_alias.this[*].target_key_arn))
    resource       = coalesce(var.kms_key_arn, "arn:${local.partition}:kms:${local.region}:${local.account_id}:key/*")
    via_s3         = merge(local.key_condition, { StringEquals = { "kms:ViaService" = ["s3.${local.region}.${data.aws_partition.this.dns_suffix}"] } })
    via_sns        = merge(local.key_condition, { StringEquals = { "kms:ViaService" = ["sns.${local.region}.${data.aws_partition.this.dns_suffix}"] } })
    administration = local.key_administration_statement
  }
}

resource "aws_kms_key" "this" {
  count = var.kms_key_arn == null ? 1 : 0

  description             = "${local.name}: topics, and buckets with encryption = sse-kms"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  # In a key policy, the resource "*" means this key only.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        local.key_administration_statement,
        # Delegates to IAM: the policies of the systems' roles grant the use of this key.
        { Sid = "UseKeyThroughIam", Effect = "Allow", Principal = { AWS = local.account_root_arn }, Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = "*" },
        # CloudWatch alarms publish to the encrypted topic as the CloudWatch service principal.
        {
          Sid       = "EncryptAlarmNotices"
          Effect    = "Allow"
          Principal = { Service = "cloudwatch.amazonaws.com" }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = "*"
          Condition = { StringEquals = { "aws:SourceAccount" = local.account_id }, ArnLike = { "aws:SourceArn" = local.alarm_arn_pattern } }
        },
      ],
      # CloudTrail encrypts log files as its service principal; an S3 Bucket Key additionally requires kms:Decrypt.
      [for trail_arn in local.encrypted_trail_arns : {
        Sid       = "EncryptTrail"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { ArnEquals = { "aws:SourceArn" = trail_arn } }
      }],
    )
  })
}

resource "aws_kms_alias" "this" {
  count = length(aws_kms_key.this)

  name          = local.key_alias
  target_key_id = aws_kms_key.this[0].key_id
}
