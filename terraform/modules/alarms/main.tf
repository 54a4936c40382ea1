resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.description

  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period_s
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold

  treat_missing_data = each.value.treat_missing_data
  alarm_actions      = [var.topic_arn]
}

# The rate of failed invocations, because the number of errors alone says little without the number of invocations.
resource "aws_cloudwatch_metric_alarm" "error_rate" {
  for_each = var.error_rates

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "More than 5 % of the function's invocations fail or time out: check the log group ${each.value.log_group}."

  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5

  metric_query {
    id          = "rate"
    label       = "failed invocations in percent"
    expression  = "IF(runs > 0, 100 * errors / runs, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", runs = "Invocations" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = { FunctionName = each.value.function }
        stat        = "Sum"
        period      = 300
      }
    }
  }

  treat_missing_data = "notBreaching"
  alarm_actions      = [var.topic_arn]
}
