output "names" {
  description = "Names of the alarms."
  value       = concat(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name, values(aws_cloudwatch_metric_alarm.error_rate)[*].alarm_name)
}
