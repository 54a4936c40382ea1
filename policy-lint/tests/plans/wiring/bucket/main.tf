variable "name" {}
variable "key_id" {}
variable "sends" {}

resource "aws_s3_bucket" "this" {
  bucket = var.name
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.key_id
    }
  }
}

resource "aws_s3_bucket_notification" "this" {
  count       = var.sends ? 1 : 0
  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}
