locals {
  arn = "arn:${var.deployment.partition}:sns:${var.deployment.region}:${var.deployment.account_id}:${var.name}"
}

resource "aws_sns_topic" "this" {
  name              = var.name
  kms_master_key_id = var.key_arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "DenyInsecureTransport"
          Effect    = "Deny"
          Principal = "*"
          # SNS rejects `sns:*` in a topic policy; Publish is the only action that carries data.
          Action    = "sns:Publish"
          Resource  = local.arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
      [
        for sid, publisher in var.publishers : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { Service = publisher.service }
          Action    = "sns:Publish"
          Resource  = local.arn
          Condition = {
            StringEquals = { "aws:SourceAccount" = var.deployment.account_id }
            ArnLike      = { "aws:SourceArn" = publisher.source_arn }
          }
        }
      ],
    )
  })
}

# AWS sends each address a confirmation link; nothing is delivered until it is confirmed.
resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}
