output "arn" {
  description = "ARN of the topic, known at plan time."
  value       = local.arn
  depends_on  = [aws_sns_topic.this]
}

output "this" {
  value = aws_sns_topic.this
}

output "pending_emails" {
  description = "Email addresses whose subscription is not confirmed."
  value       = [for email, subscription in aws_sns_topic_subscription.email : email if subscription.pending_confirmation]
}

output "emails" {
  value = [for subscription in aws_sns_topic_subscription.email : subscription.endpoint if subscription.protocol == "email"]
}
