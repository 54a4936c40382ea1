terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

resource "aws_s3_bucket" "raw" {
  bucket_prefix = "raw-"
}

resource "aws_iam_role" "worker" {
  name                = "worker"
  managed_policy_arns = ["arn:aws:iam::aws:policy/PowerUserAccess"]
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "known" {
  name = "known"
  role = aws_iam_role.worker.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:*"], Resource = "arn:aws:s3:::reports/ü<>&/*" }]
  })
}

data "aws_iam_policy_document" "deferred" {
  statement {
    sid       = "Write"
    actions   = ["s3:PutObject", "dynamodb:*"]
    resources = ["${aws_s3_bucket.raw.arn}/*"]
  }
}

resource "aws_iam_role_policy" "deferred" {
  name   = "deferred"
  role   = aws_iam_role.worker.name
  policy = data.aws_iam_policy_document.deferred.json
}

resource "aws_iam_role_policy" "unknown" {
  name = "unknown"
  role = aws_iam_role.worker.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:*", Resource = aws_s3_bucket.raw.arn }]
  })
}

module "outer" {
  source = "./outer"
}
