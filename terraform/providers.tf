provider "aws" {
  region = var.region

  # With the account given nothing has to be asked of AWS to plan an empty state.
  # Whether the credentials are of that account is then checked on apply (modules/queue).
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
