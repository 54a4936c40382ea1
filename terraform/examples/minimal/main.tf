# The minimum for a complete `ingest`: everything else has a default.

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
    tags = { Project = "sluice", Environment = "dev" }
  }
}

module "deployment" {
  source = "../../modules/deployment"

  environment          = "dev"
  account_id           = var.account_id
  lambda_packages_file = "${path.module}/../../../dist/lambda_packages.auto.tfvars.json"

  ingest = {
    table       = { hash_key = "OrderID", range_key = "" }
    schema_file = "${path.module}/order.schema.json"
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
