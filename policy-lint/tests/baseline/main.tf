# Findings of many rules, for a baseline that was written before the messages had their current wording.
resource "aws_s3_bucket" "raw" {
  bucket = "raw"
}

resource "aws_s3_bucket" "copy" {
  bucket = "raw"
}

resource "aws_sqs_queue" "jobs" {
  name              = "jobs"
  kms_master_key_id = "alias/aws/sqs"
}

resource "aws_sqs_queue_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sqs:SendMessage", Resource = aws_sqs_queue.jobs.arn },
      { Effect = "Allow", Principal = "*", Action = ["sqs:ReceiveMessage", "s3:GetObject"], Resource = aws_sqs_queue.jobs.arn },
    ]
  })
}

resource "aws_iam_role" "worker" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { AWS = "arn:aws:iam::444455556666:root" }, Action = "sts:AssumeRole" },
      { Effect = "Allow", Principal = { Service = "lamda.amazonaws.com" }, Action = "sts:AssumeRole" },
      { Effect = "Allow", Principal = { AWS = "reader" }, Action = ["sts:AssumeRole", "s3:GetObject"], Resource = "*" },
    ]
  })
}

resource "aws_iam_role_policy" "worker" {
  role = aws_iam_role.worker.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:*", "s3:GetObject", "sqz:Send", "s3:PutObjcet", "iam:PutRolePolicy"], Resource = "*" },
      { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },
      { Effect = "Allow", NotAction = "iam:*", Resource = "arn:aws:sqs:eu-west-9:1111222233:jobs" },
      {
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = "arn:aws:s3:::raw/*"
        Condition = {
          StringLike                  = { "s3:prefix" = "*", "aws:PrincipalOrgID" = "o-*" }
          "ForAllValues:StringEquals" = { "aws:PrincipalAccount" = "12345" }
          Bool                        = { "aws:SecureTransport" = "no" }
          IpAddress                   = { "aws:SourceIp" = "10.0.0.0/8" }
        }
      },
    ]
  })
}
