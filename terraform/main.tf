# The systems, in order of data flow. A system is enabled when its variable is set.

locals {
  name       = "${var.project}-${var.environment}"
  account_id = coalesce(var.account_id, one(data.aws_caller_identity.this[*].account_id))

  # Bucket names are globally unique, so they carry the region and the account.
  bucket_suffix = "${var.region}-${local.account_id}"

  watches_ingest = try(var.provenance.watch_ingest, false) && var.ingest != null

  # Settings that every system receives. The systems build ARNs from these values and from names instead of
  # reading them from resources, so that every policy document is known at plan time.
  deployment = {
    name                 = local.name
    bucket_suffix        = local.bucket_suffix
    partition            = data.aws_partition.this.partition
    dns_suffix           = data.aws_partition.this.dns_suffix
    region               = var.region
    account_id           = local.account_id
    architecture         = var.architecture
    log_retention_days   = var.log_retention_days
    permissions_boundary = var.permissions_boundary
    role_path            = var.role_path
    key                  = local.key
    key_administration   = local.key_administration
    alarm_topic_arn      = module.alarm_topic.arn
    allow_destroy        = var.allow_destroy
  }
}

module "ingest" {
  source = "./modules/ingest"
  count  = var.ingest == null ? 0 : 1

  deployment = local.deployment
  settings   = var.ingest
  package    = var.lambda_packages["ingest"]

  # If `provenance` watches the processing bucket, the ingest operators record what they delete.
  records = local.watches_ingest ? module.provenance[0].records : null
}

module "provenance" {
  source = "./modules/provenance"
  count  = var.provenance == null ? 0 : 1

  deployment = local.deployment
  settings   = var.provenance
  packages   = { provenance = var.lambda_packages["provenance"], ledger = var.lambda_packages["ledger"] }

  # The processing bucket already sends its events to EventBridge; `provenance` adds a rule of its own.
  ingest = local.watches_ingest ? module.ingest[0].announces : null
}
