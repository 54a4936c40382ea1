# Addresses of earlier versions.

moved {
  from = aws_cloudwatch_event_rule.this
  to   = module.consumer.aws_cloudwatch_event_rule.this["objects"]
}

moved {
  from = aws_cloudwatch_event_target.queue
  to   = module.consumer.aws_cloudwatch_event_target.queue["objects"]
}

moved {
  from = module.event_dead_letters
  to   = module.consumer.module.event_dead_letters
}

moved {
  from = module.queue
  to   = module.consumer.module.queue
}

moved {
  from = module.queue_dead_letters
  to   = module.consumer.module.queue_dead_letters
}

moved {
  from = aws_lambda_event_source_mapping.this
  to   = module.consumer.aws_lambda_event_source_mapping.this
}

moved {
  from = aws_cloudwatch_metric_alarm.this
  to   = module.alarms.aws_cloudwatch_metric_alarm.this
}

moved {
  from = aws_cloudwatch_metric_alarm.errors
  to   = module.alarms.aws_cloudwatch_metric_alarm.error_rate["errors"]
}

moved {
  from = module.alarms
  to   = module.consumer.module.alarms
}

moved {
  from = module.uploader[0]
  to   = module.uploader.module.role[0]
}

moved {
  from = module.operator[0]
  to   = module.operator.module.role[0]
}
