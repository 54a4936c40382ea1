output "arn" {
  description = "ARN of the topic, known at plan time."
  value       = local.arn
  depends_on  = [aws_sns_topic.this]
}

output "policy" {
  description = "Topic policy as JSON."
  value       = aws_sns_topic.this.policy
}

output "pending_emails" {
  description = "Email addresses whose subscription is not confirmed."
  value       = [for email, subscription in aws_sns_topic_subscription.email : email if subscription.pending_confirmation]
}
