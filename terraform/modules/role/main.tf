locals {
  arn = "arn:${var.deployment.partition}:iam::${var.deployment.account_id}:role${var.deployment.role_path}${var.name}"
}

resource "aws_iam_role" "this" {
  name                 = var.name
  path                 = var.deployment.role_path
  permissions_boundary = var.deployment.permissions_boundary
  description          = var.description

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AssumeRole"
        Effect    = "Allow"
        Principal = var.trusted
        Action    = "sts:AssumeRole"
      },
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = var.policies

  name   = each.key
  role   = aws_iam_role.this.name
  policy = each.value
}

# Policies that were attached outside Terraform show up in the next plan and are removed by the next apply.
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = keys(var.policies)

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = []
}
