# Known at plan time; with `depends_on`, resources that use them wait for the bucket.

output "name" {
  description = "Name of the bucket."
  value       = var.name
  depends_on = [
    aws_s3_bucket.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "arn" {
  description = "ARN of the bucket."
  value       = local.arn
  depends_on  = [aws_s3_bucket.this]
}

output "policy" {
  description = "Bucket policy as JSON."
  value       = aws_s3_bucket_policy.this.policy
}
