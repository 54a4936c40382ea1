# Known at plan time; with `depends_on`, resources that use them wait for the queue and its policy.

output "name" {
  value      = var.name
  depends_on = [aws_sqs_queue.this]
}

output "arn" {
  value      = local.arn
  depends_on = [aws_sqs_queue.this]
}

output "this" {
  value = aws_sqs_queue.this
}
