output "arn" {
  description = "Known at plan."
  value       = local.arn
  depends_on  = [aws_sns_topic.this]
}

output "this" {
  value = aws_sns_topic.this
}

output "pending_emails" {
  description = "Addresses whose owners have not confirmed yet."
  value       = [for email, subscription in aws_sns_topic_subscription.email : email if subscription.pending_confirmation]
}

output "emails" {
  value = [for subscription in aws_sns_topic_subscription.email : subscription.endpoint if subscription.protocol == "email"]
}
