provider "aws" {
  region = var.region

  # With `account_id` set, planning an empty state needs no AWS calls. A postcondition in modules/queue then verifies
  # on apply that the credentials belong to that account.
  skip_credentials_validation = var.account_id != null
  skip_requesting_account_id  = var.account_id != null
  skip_metadata_api_check     = var.account_id != null
  skip_region_validation      = var.account_id != null

  default_tags {
    tags = merge({
      Project     = var.project
      Environment = var.environment
      ManagedBy   = "terraform"
    }, var.tags)
  }
}

data "aws_partition" "this" {}

data "aws_caller_identity" "this" {
  count = var.account_id == null ? 1 : 0
}
