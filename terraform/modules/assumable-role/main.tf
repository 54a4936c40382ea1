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

moved {
  from = aws_iam_role.this
  to   = module.role[0].aws_iam_role.this
}

moved {
  from = aws_iam_role_policy.this
  to   = module.role[0].aws_iam_role_policy.this
}

moved {
  from = aws_iam_role_policies_exclusive.this
  to   = module.role[0].aws_iam_role_policies_exclusive.this
}

moved {
  from = aws_iam_role_policy_attachments_exclusive.this
  to   = module.role[0].aws_iam_role_policy_attachments_exclusive.this
}
