# Every way in which a plan can refer to what only an apply will name: inside a module, through its arguments and
# outputs, by count and by for_each. What is wired here is right; `alone` and `second` have what is not.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

module "inbox" {
  count  = 1
  source = "./queue"
  name   = "inbox"
  sender = aws_cloudwatch_event_rule.created["figures"].arn
}

resource "aws_s3_bucket" "raw" {
  for_each = toset(["figures", "tables.v2", "silent"])
  bucket   = "acme-${each.key}"
}

resource "aws_s3_bucket_notification" "raw" {
  for_each    = toset(["figures", "tables.v2"])
  bucket      = aws_s3_bucket.raw[each.key].id
  eventbridge = true
}

# All instances at once.
resource "aws_s3_bucket_ownership_controls" "raw" {
  for_each = aws_s3_bucket.raw
  bucket   = each.value.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_cloudwatch_event_rule" "created" {
  for_each = toset(["figures", "tables.v2", "silent"])
  name     = "created-${each.key}"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail      = { bucket = { name = ["acme-${each.key}"] } }
  })
}

resource "aws_cloudwatch_event_target" "inbox" {
  rule = aws_cloudwatch_event_rule.created["figures"].name
  arn  = module.inbox[0].arn
}

resource "aws_cloudwatch_event_target" "alone" {
  rule = aws_cloudwatch_event_rule.created["figures"].name
  arn  = aws_sqs_queue.alone.arn
}

resource "aws_sqs_queue" "alone" {
  name = "alone"
}

module "shared" {
  for_each = { a = "first", b = "second" }
  source   = "./bucket"
  name     = "acme-${each.value}"
  key_id   = each.key == "a" ? aws_kms_key.shared.key_id : null
  sends    = each.key == "a"
}

resource "aws_cloudwatch_event_rule" "shared" {
  name = "shared"
  event_pattern = jsonencode({
    source = ["aws.s3"]
    detail = { bucket = { name = ["acme-first", "acme-second"] } }
  })
}

module "alone" {
  source = "./bucket"
  name   = "acme-alone"
  key_id = aws_kms_key.alone.arn
  sends  = false
}

resource "aws_kms_key" "alone" {
  description = "access only through identity policies"
}

resource "aws_kms_key" "shared" {
  description = "with a policy of its own, apart"
}

resource "aws_kms_key_policy" "shared" {
  key_id = aws_kms_key.shared.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = {
      Effect    = "Allow"
      Action    = "kms:*"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Resource  = "*"
    }
  })
}

resource "aws_iam_role" "reader" {
  name = "reader"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
  })
}

resource "aws_iam_role_policy" "read" {
  role = aws_iam_role.reader.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::acme-first/*" }
  })
}

resource "aws_iam_role_policy" "alone" {
  role = aws_iam_role.reader.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::acme-alone/*" }
  })
}
