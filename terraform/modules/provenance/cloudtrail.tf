# CloudTrail data events (reads and writes) of the watched buckets, delivered to a bucket of their own; management events
# on request.

locals {
  trail_prefix = "AWSLogs/${local.deployment.account_id}/CloudTrail/"

  # All objects of every watched bucket, including those outside the watched prefixes. The trail's own bucket must not be
  # among them: each delivery would cause another event.
  trail_object_arns = [for watch in values(local.watched_buckets) : "arn:${local.deployment.partition}:s3:::${watch.bucket}/"]

  s3_objects = { eventCategory = { equals = ["Data"] }, "resources.type" = { equals = ["AWS::S3::Object"] } }

  event_selectors = concat(
    # Without a `readOnly` selector, both reads and writes are logged.
    [{ name = "Every use of what is watched", fields = merge(local.s3_objects, { "resources.ARN" = { starts_with = local.trail_object_arns } }) }],
    # Writes only: each Athena query reads every receipt, and those reads are of no interest.
    [for receipts in module.receipts : {
      name   = "Every change of the receipts"
      fields = merge(local.s3_objects, { readOnly = { equals = ["false"] }, "resources.ARN" = { starts_with = ["${receipts.arn}/"] } })
    }],
    # A trail cannot select the management events of one service only, but it can leave out the two most frequent ones.
    [for name in ["Management events, including those of S3"] : {
      name   = name
      fields = { eventCategory = { equals = ["Management"] }, eventSource = { not_equals = ["kms.amazonaws.com", "rdsdata.amazonaws.com"] } }
    } if local.settings.trail.management_events],
  )
}

module "trail_bucket" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.trail_bucket
  key_arn                = local.kms_encrypted ? var.key.arn : null
  force_destroy          = local.settings.trail.force_destroy || local.deployment.allow_destroy
  expire_days            = local.settings.trail.retention_days
  expire_noncurrent_days = 30

  statements = [
    {
      Sid       = "CheckTrailBucket"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:GetBucketAcl"
      Resource  = local.arn.trail_bucket
      Condition = { StringEquals = { "aws:SourceArn" = local.arn.trail } }
    },
    {
      Sid       = "WriteTrail"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "${local.arn.trail_bucket}/AWSLogs/${local.deployment.account_id}/*"
      Condition = { StringEquals = { "aws:SourceArn" = local.arn.trail, "s3:x-amz-acl" = "bucket-owner-full-control" } }
    },
  ]
}

resource "aws_cloudtrail" "this" {
  name           = local.name.trail
  s3_bucket_name = module.trail_bucket.name
  kms_key_id     = local.kms_encrypted ? var.key.arn : null

  # Hourly digest files signed by AWS, with which `aws cloudtrail validate-logs` detects changed or deleted log files.
  enable_log_file_validation = true

  # S3 data events are recorded in the Region of the bucket.
  is_multi_region_trail         = false
  include_global_service_events = false

  dynamic "advanced_event_selector" {
    for_each = local.event_selectors

    content {
      name = advanced_event_selector.value.name

      dynamic "field_selector" {
        for_each = advanced_event_selector.value.fields

        content {
          field       = field_selector.key
          equals      = try(field_selector.value.equals, null)
          not_equals  = try(field_selector.value.not_equals, null)
          starts_with = try(field_selector.value.starts_with, null)
        }
      }
    }
  }
}
