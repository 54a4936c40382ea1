# Who did what to the objects: S3's read and write data events, in a bucket of their own.

locals {
  trail_prefix = "AWSLogs/${local.deployment.account_id}/CloudTrail/"

  # All objects of every bucket that is watched, also those outside the watched prefixes. The trail's own bucket
  # is none of them, or each delivery would make the next event.
  trail_object_arns = [for watch in values(local.watched_buckets) : "arn:${local.deployment.partition}:s3:::${watch.bucket}/"]
}

module "trail_bucket" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.trail_bucket
  key_arn                = local.kms_encrypted ? local.deployment.key.arn : null
  force_destroy          = var.settings.trail.force_destroy || local.deployment.allow_destroy
  expire_days            = var.settings.trail.retention_days
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
  kms_key_id     = local.kms_encrypted ? local.deployment.key.arn : null

  # Hourly digests, signed by AWS: `aws cloudtrail validate-logs` finds a log that was changed or removed.
  enable_log_file_validation = true

  # The buckets are in this region, and so are their events.
  is_multi_region_trail         = false
  include_global_service_events = false

  # Without `readOnly` both reads and writes.
  advanced_event_selector {
    name = "Every use of what is watched"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = local.trail_object_arns
    }
  }

  # Each question to Athena reads every receipt; who wrote or deleted one is what matters.
  dynamic "advanced_event_selector" {
    for_each = module.receipts

    content {
      name = "Every change of the receipts"

      field_selector {
        field  = "eventCategory"
        equals = ["Data"]
      }

      field_selector {
        field  = "resources.type"
        equals = ["AWS::S3::Object"]
      }

      field_selector {
        field  = "readOnly"
        equals = ["false"]
      }

      field_selector {
        field       = "resources.ARN"
        starts_with = ["${advanced_event_selector.value.arn}/"]
      }
    }
  }
}
