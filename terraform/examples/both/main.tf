# Both systems: objects in the buckets of `ingest` get receipts too, and receipts are locked for a year.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "account_id" {
  description = "AWS account to deploy to. With the default, a plan needs no credentials and cannot be applied."
  type        = string
  default     = "111122223333"
}

locals {
  plan_only = var.account_id == "111122223333"
}

provider "aws" {
  region = "eu-central-1"

  access_key                  = local.plan_only ? "none" : null
  secret_key                  = local.plan_only ? "none" : null
  skip_credentials_validation = local.plan_only
  skip_requesting_account_id  = local.plan_only
  skip_metadata_api_check     = local.plan_only
  skip_region_validation      = local.plan_only

  default_tags {
    tags = { Project = "sluice", Environment = "staging" }
  }
}

module "deployment" {
  source = "../../modules/deployment"

  environment          = "staging"
  account_id           = var.account_id
  lambda_packages_file = "${path.module}/../../../dist/lambda_packages.auto.tfvars.json"
  alarm_emails         = ["ops@example.org"]

  ingest = {
    table               = { hash_key = "ArtistID", range_key = "ItemID" }
    schema_file         = "${path.module}/../eventpulse/music-item.schema.json"
    prefix              = "incoming/"
    notify_emails       = ["music@example.org"]
    uploader_principals = ["arn:aws:iam::${var.account_id}:role/studio"]
    operator_principals = ["arn:aws:iam::${var.account_id}:role/on-call"]
  }

  provenance = {
    watch               = ["ingest", "quarantine"]
    prefixes            = ["incoming/", "reports/"]
    receipts_bucket     = { object_lock = { mode = "GOVERNANCE", days = 365 } }
    uploader_principals = ["arn:aws:iam::${var.account_id}:role/studio"]
    auditor_principals  = ["arn:aws:iam::${var.account_id}:role/audit"]
    operator_principals = ["arn:aws:iam::${var.account_id}:role/on-call"]
  }
}

output "deployment" {
  description = "What `sluice` reads together with the outputs of the systems."
  value       = module.deployment.deployment
}

output "ingest" {
  description = "Names and ARNs of `ingest`."
  value       = module.deployment.ingest
}

output "provenance" {
  description = "Names and ARNs of `provenance`."
  value       = module.deployment.provenance
}
