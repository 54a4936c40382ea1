# Names and ARNs are known at plan time; with `depends_on`, resources that use them wait for the bucket.

output "name" {
  value = var.name
  depends_on = [
    aws_s3_bucket.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "arn" {
  value      = local.arn
  depends_on = [aws_s3_bucket.this]
}

output "this" {
  value = {
    bucket       = aws_s3_bucket.this
    policy       = aws_s3_bucket_policy.this.policy
    encryption   = aws_s3_bucket_server_side_encryption_configuration.this.rule
    lifecycle    = aws_s3_bucket_lifecycle_configuration.this.rule
    object_lock  = one(aws_s3_bucket_object_lock_configuration.this[*].rule)
    notification = one(aws_s3_bucket_notification.this)
  }
}
