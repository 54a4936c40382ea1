output "rule_names" {
  description = "Names of the EventBridge rules, by source."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

output "queue" {
  description = "ARN and URL of the queue."
  value       = { arn = module.queue.arn, url = module.queue.url }
}

output "event_dead_letters" {
  description = "ARN and URL of the queue for events that EventBridge could not deliver."
  value       = { arn = module.event_dead_letters.arn, url = module.event_dead_letters.url }
}

output "queue_dead_letters" {
  description = "ARN and URL of the queue for messages that the function failed to process."
  value       = { arn = module.queue_dead_letters.arn, url = module.queue_dead_letters.url }
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
