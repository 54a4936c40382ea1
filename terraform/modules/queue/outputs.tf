# Known at plan time, except the URL; with `depends_on`, resources that use them wait for the queue and its policy.

output "name" {
  description = "Name of the queue."
  value       = var.name
  depends_on  = [aws_sqs_queue.this]
}

output "arn" {
  description = "ARN of the queue."
  value       = local.arn
  depends_on  = [aws_sqs_queue.this]
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "policy" {
  description = "Queue policy as JSON."
  value       = aws_sqs_queue.this.policy
}
