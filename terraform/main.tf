locals {
  # With `account_id` set, planning an empty state needs no AWS calls; a postcondition in modules/queue then verifies on
  # apply that the credentials belong to that account. The provider needs the account to apply, and to refresh what a
  # local state contains; a state in S3 needs credentials anyway.
  deployed = try(length(jsondecode(file("${path.root}/terraform.tfstate")).resources) > 0, false)
  offline  = var.account_id != null && !terraform.applying && !local.deployed && !can(regex("\"type\":\\s*\"s3\"", file("${path.root}/.terraform/terraform.tfstate")))
}

provider "aws" {
  region = var.region

  skip_credentials_validation = local.offline
  skip_requesting_account_id  = local.offline
  skip_metadata_api_check     = local.offline
  skip_region_validation      = local.offline

  default_tags {
    tags = merge({
      Project     = coalesce(var.project, "sluice")
      Environment = var.environment
      ManagedBy   = "terraform"
    }, var.tags)
  }
}

module "deployment" {
  source = "./modules/deployment"

  project              = var.project
  environment          = var.environment
  account_id           = var.account_id
  regional_names       = var.regional_names
  architecture         = var.architecture
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
  role_path            = var.role_path
  kms_key_arn          = var.kms_key_arn
  lambda_packages      = var.lambda_packages
  allow_destroy        = var.allow_destroy
  alarm_emails         = var.alarm_emails

  ingest     = var.ingest
  provenance = var.provenance
}

# Addresses of earlier versions, in which the root module was the deployment.

moved {
  from = module.ingest
  to   = module.deployment.module.ingest
}

moved {
  from = module.provenance
  to   = module.deployment.module.provenance
}

moved {
  from = module.alarm_topic
  to   = module.deployment.module.alarm_topic
}

moved {
  from = aws_kms_key.this
  to   = module.deployment.aws_kms_key.this
}

moved {
  from = aws_kms_alias.this
  to   = module.deployment.aws_kms_alias.this
}
