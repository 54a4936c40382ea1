# The same deployment in two Regions of one account. `regional_names` adds the Region to the names of roles, which are
# global; `sluice --deployment us-east-1` chooses one of the two.

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

  # What both Regions have in common.
  alarm_emails         = ["ops@example.org"]
  lambda_packages_file = "${path.module}/../../../dist/lambda_packages.auto.tfvars.json"
  ingest = {
    table               = { hash_key = "ArtistID", range_key = "ItemID" }
    schema_file         = "${path.module}/../eventpulse/music-item.schema.json"
    notify_emails       = ["music@example.org"]
    uploader_principals = ["arn:aws:iam::${var.account_id}:role/studio"]
    operator_principals = ["arn:aws:iam::${var.account_id}:role/on-call"]
  }
  provenance = {
    watch               = ["ingest"]
    auditor_principals  = ["arn:aws:iam::${var.account_id}:role/audit"]
    operator_principals = ["arn:aws:iam::${var.account_id}:role/on-call"]
  }
}

provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  access_key                  = local.plan_only ? "none" : null
  secret_key                  = local.plan_only ? "none" : null
  skip_credentials_validation = local.plan_only
  skip_requesting_account_id  = local.plan_only
  skip_metadata_api_check     = local.plan_only
  skip_region_validation      = local.plan_only

  default_tags {
    tags = { Project = "sluice", Environment = "dev" }
  }
}

provider "aws" {
  alias  = "eu_west_1"
  region = "eu-west-1"

  access_key                  = local.plan_only ? "none" : null
  secret_key                  = local.plan_only ? "none" : null
  skip_credentials_validation = local.plan_only
  skip_requesting_account_id  = local.plan_only
  skip_metadata_api_check     = local.plan_only
  skip_region_validation      = local.plan_only

  default_tags {
    tags = { Project = "sluice", Environment = "dev" }
  }
}

module "us_east_1" {
  source    = "../../modules/deployment"
  providers = { aws = aws.us_east_1 }

  environment          = "dev"
  region               = "us-east-1"
  regional_names       = true
  account_id           = var.account_id
  alarm_emails         = local.alarm_emails
  lambda_packages_file = local.lambda_packages_file
  ingest               = local.ingest
  provenance           = local.provenance
}

module "eu_west_1" {
  source    = "../../modules/deployment"
  providers = { aws = aws.eu_west_1 }

  environment          = "dev"
  region               = "eu-west-1"
  regional_names       = true
  account_id           = var.account_id
  alarm_emails         = local.alarm_emails
  lambda_packages_file = local.lambda_packages_file
  ingest               = local.ingest
  provenance           = local.provenance
}

output "deployments" {
  description = "The deployments by Region, of which `sluice --deployment` chooses one."
  value       = { us-east-1 = module.us_east_1, eu-west-1 = module.eu_west_1 }
}
