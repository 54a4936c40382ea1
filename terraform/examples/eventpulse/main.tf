# Keeps the names of an existing eventpulse deployment: buckets, table, function, role, topic and replica. New resources
# (queues, alarms) are named eventpulse-prod-*.

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
    tags = { Project = "eventpulse", Environment = "prod" }
  }
}

module "deployment" {
  source = "../../modules/deployment"

  project              = "eventpulse"
  environment          = "prod"
  account_id           = var.account_id
  lambda_packages_file = "${path.module}/../../../dist/lambda_packages.auto.tfvars.json"
  alarm_emails         = ["eventpulse@example.org"]

  ingest = {
    processing_bucket = { name = "eventpulse-processing-bucket", force_destroy = true }
    quarantine_bucket = { name = "eventpulse-quarantine-bucket", force_destroy = true }

    table = {
      name            = "event-pulse-table"
      hash_key        = "ArtistID"
      range_key       = "ItemID"
      replica_regions = ["us-east-2"]
    }
    schema_file = "${path.module}/music-item.schema.json"

    names = {
      function      = "eventpulse_process_json_lambda_function"
      function_role = "eventpulse_process_json_lambda_role"
      topic         = "eventpulse_sns_alert_topic"
    }

    # Also notifies about stored files, as before.
    notify_on     = ["stored", "invalid", "conflict", "too-large", "unreadable"]
    notify_emails = ["eventpulse@example.org"]

    # The users assume roles instead of having policies of their own. The upload user is created here.
    uploader_user       = "eventpulse-uploader"
    operator_principals = ["arn:aws:iam::${var.account_id}:user/eventpulse-operator"]
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
