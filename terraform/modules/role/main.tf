locals {
  arn = "arn:${var.deployment.partition}:iam::${var.deployment.account_id}:role${var.deployment.role_path}${var.name}"

  # Use of the key by S3 on behalf of the role. A policy of its own, because a bucket can be encrypted at any time.
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      var.encrypted_buckets.read ? [{ Sid = "ReadEncrypted", Effect = "Allow", Action = "kms:Decrypt", Resource = var.key.resource, Condition = var.key.via_s3 }] : [],
      var.encrypted_buckets.write ? [{ Sid = "WriteEncrypted", Effect = "Allow", Action = "kms:GenerateDataKey", Resource = var.key.resource, Condition = var.key.via_s3 }] : [],
    )
  })
  policies = merge(var.policies, anytrue(values(var.encrypted_buckets)) ? { encrypted-buckets = local.key_policy } : {})
}

resource "aws_iam_role" "this" {
  name                 = var.name
  path                 = var.deployment.role_path
  permissions_boundary = var.deployment.permissions_boundary
  description          = var.description

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "AssumeRole", Effect = "Allow", Principal = var.trusted, Action = "sts:AssumeRole" },
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.policies

  name   = each.key
  role   = aws_iam_role.this.name
  policy = each.value
}

# Policies that were attached outside Terraform show up in the next plan and are removed by the next apply.
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = keys(local.policies)

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = []
}
