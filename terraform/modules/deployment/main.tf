# The systems, in order of data flow. A system is enabled when its variable is set.

data "aws_partition" "this" {}

data "aws_region" "this" {}

data "aws_caller_identity" "this" {
  count = var.account_id == null ? 1 : 0
}

locals {
  name       = "${var.project}-${var.environment}"
  partition  = data.aws_partition.this.partition
  region     = data.aws_region.this.id
  account_id = coalesce(var.account_id, one(data.aws_caller_identity.this[*].account_id))

  # The packages that `scripts/package` lists in a file are next to that file.
  packages = merge(
    { for name, package in local.file_packages : name => merge(package, { path = "${dirname(var.lambda_packages_file)}/${basename(package.path)}" }) },
    var.lambda_packages,
  )
  file_packages = try(jsondecode(file(var.lambda_packages_file)).lambda_packages, {})

  # Settings that every system receives. The systems build ARNs from these values and from names instead of reading them
  # from resources, so that every policy document is known at plan time.
  deployment = {
    name                 = local.name
    bucket_suffix        = "${local.region}-${local.account_id}" # bucket names are globally unique
    role_suffix          = var.regional_names ? "-${local.region}" : ""
    partition            = local.partition
    region               = local.region
    account_id           = local.account_id
    architecture         = var.architecture
    log_retention_days   = var.log_retention_days
    permissions_boundary = var.permissions_boundary
    role_path            = var.role_path
    allow_destroy        = var.allow_destroy
  }

  watched = var.provenance == null ? [] : module.provenance[0].watch

  # Used in `aws:SourceArn` conditions: any alarm whose name starts with the deployment's name.
  alarm_arn_pattern = "arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${local.name}-*"
}

# Every CloudWatch alarm of the deployment publishes to this topic.
module "alarm_topic" {
  source = "../topic"

  deployment = { partition = local.partition, region = local.region, account_id = local.account_id }
  name       = "${local.name}-alarms"
  key_arn    = local.key.arn
  emails     = var.alarm_emails
  publishers = { PublishAlarm = { service = "cloudwatch.amazonaws.com", source_arn = local.alarm_arn_pattern } }
}

module "ingest" {
  source = "../ingest"
  count  = var.ingest == null ? 0 : 1

  deployment      = local.deployment
  key             = local.key
  alarm_topic_arn = module.alarm_topic.arn
  written         = var.ingest
  settings        = var.ingest
  package         = local.packages["ingest"]

  # If `provenance` watches a bucket of the ingest, its operators record what they delete.
  watched = local.watched
  records = length(setintersection(local.watched, ["ingest", "quarantine"])) > 0 ? module.provenance[0].records : null
}

module "provenance" {
  source = "../provenance"
  count  = var.provenance == null ? 0 : 1

  deployment      = local.deployment
  key             = local.key
  alarm_topic_arn = module.alarm_topic.arn
  written         = var.provenance
  settings        = var.provenance
  packages        = { provenance = local.packages["provenance"], ledger = local.packages["ledger"] }
  buckets         = var.ingest == null ? {} : module.ingest[0].buckets
}
