# A role for people and other workloads; without principals nothing is created.

module "role" {
  source = "../role"
  count  = length(var.principals) > 0 ? 1 : 0

  deployment        = var.deployment
  name              = var.name
  description       = var.description
  trusted           = { AWS = var.principals }
  policies          = var.policies
  key               = var.key
  encrypted_buckets = var.encrypted_buckets
}
