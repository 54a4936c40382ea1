output "this" {
  value = aws_cloudwatch_metric_alarm.this
}

output "error_rates" {
  value = aws_cloudwatch_metric_alarm.error_rate
}
