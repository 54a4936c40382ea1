locals {
  arn = "arn:${var.deployment.partition}:sqs:${var.deployment.region}:${var.deployment.account_id}:${var.name}"
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  sqs_managed_sse_enabled    = true
  visibility_timeout_seconds = var.visibility_timeout_s
  message_retention_seconds  = var.retention_s

  redrive_policy = var.dead_letters == null ? null : jsonencode({
    deadLetterTargetArn = var.dead_letters.arn
    maxReceiveCount     = var.dead_letters.after_receives
  })

  # A queue that is not a dead-letter queue denies redrive from every source queue.
  redrive_allow_policy = jsonencode(merge(
    { redrivePermission = length(var.dead_letters_of) == 0 ? "denyAll" : "byQueue" },
    { for key, arns in { sourceQueueArns = var.dead_letters_of } : key => arns if length(arns) > 0 },
  ))

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "DenyInsecureTransport", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = local.arn, Condition = { Bool = { "aws:SecureTransport" = "false" } } },
      ],
      [
        for sid, sender in var.senders : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { Service = sender.service }
          Action    = "sqs:SendMessage"
          Resource  = local.arn
          Condition = { ArnEquals = { "aws:SourceArn" = sender.source_arn } }
        }
      ],
    )
  })

  lifecycle {
    postcondition {
      condition     = self.arn == local.arn
      error_message = "AWS created the queue `${self.arn}`, but the policies refer to `${local.arn}`: set `account_id` to the account of your credentials, or remove it."
    }
  }
}
