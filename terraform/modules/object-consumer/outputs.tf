output "rule_names" {
  description = "Names of the EventBridge rules, by source."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

output "resources" {
  description = "ARNs and URLs of the queue, of the queue for events that EventBridge could not deliver, and of the queue for messages that the function failed to process."

  value = {
    queue_url             = module.queue.url
    queue_arn             = module.queue.arn
    event_dead_letter_url = module.event_dead_letters.url
    event_dead_letter_arn = module.event_dead_letters.arn
    queue_dead_letter_url = module.queue_dead_letters.url
    queue_dead_letter_arn = module.queue_dead_letters.arn
  }
}

output "arns" {
  description = "ARNs of the three queues, built from names for use in policies: they wait for no resource."

  value = {
    queue              = local.queue_arn
    event_dead_letters = "${local.queue_arn}-event-dead-letters"
    queue_dead_letters = "${local.queue_arn}-dead-letters"
  }
}

output "receive_statement" {
  description = "IAM statement for the role of the function: the event source mapping polls the queue with this role."

  value = {
    Sid      = "TakeFromQueue"
    Effect   = "Allow"
    Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    Resource = local.queue_arn
  }
}

output "policies" {
  description = "Queue policies as JSON."

  value = {
    queue              = module.queue.policy
    event_dead_letters = module.event_dead_letters.policy
    queue_dead_letters = module.queue_dead_letters.policy
  }
}
