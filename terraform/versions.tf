terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # Partial: bucket, key and region come from `init -backend-config=../backend.conf`.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}
