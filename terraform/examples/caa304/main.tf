# Keeps the bucket and function names of an existing secure data pipeline. New resources (receipts bucket, queue, ledger,
# roles, alarms) are named caa304-prod-*.

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

variable "import_existing" {
  description = "Whether to import the existing resources in imports.tf."
  type        = bool
  default     = false
}

locals {
  plan_only = var.account_id == "111122223333"
}

provider "aws" {
  region = "us-east-1"

  access_key                  = local.plan_only ? "none" : null
  secret_key                  = local.plan_only ? "none" : null
  skip_credentials_validation = local.plan_only
  skip_requesting_account_id  = local.plan_only
  skip_metadata_api_check     = local.plan_only
  skip_region_validation      = local.plan_only

  default_tags {
    tags = { Project = "caa304", Environment = "prod" }
  }
}

module "deployment" {
  source = "../../modules/deployment"

  project              = "caa304"
  environment          = "prod"
  account_id           = var.account_id
  lambda_packages_file = "${path.module}/../../../dist/lambda_packages.auto.tfvars.json"
  alarm_emails         = ["caa304@example.org"]

  provenance = {
    data_bucket = { name = "caa304-raw-data" }
    trail       = { bucket_name = "caa304-cloudtrail-log", management_events = true }
    names       = { function = "secure-provenance-lambda" }

    # Uploads only, as before. Objects under `processed/` and `test/` are logged by the trail but get no receipt.
    prefixes = ["incoming/"]

    # Users sign in through IAM Identity Center, so there are no long-lived access keys.
    uploader_principals = ["arn:aws:iam::${var.account_id}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"]
    auditor_principals  = ["arn:aws:iam::${var.account_id}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Auditor_0123456789abcdef"]
    operator_principals = ["arn:aws:iam::${var.account_id}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"]
  }
}

output "deployment" {
  description = "What `sluice` reads together with the outputs of the systems."
  value       = module.deployment.deployment
}

output "provenance" {
  description = "Names and ARNs of `provenance`."
  value       = module.deployment.provenance
}
