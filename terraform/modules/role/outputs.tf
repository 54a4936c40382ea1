# Known at plan time; with `depends_on`, resources that use them wait for the role and its policies.

output "name" {
  value      = var.name
  depends_on = [aws_iam_role_policy.this]
}

output "arn" {
  value      = local.arn
  depends_on = [aws_iam_role.this, aws_iam_role_policy.this]
}

output "trust" {
  value = aws_iam_role.this.assume_role_policy
}

output "policies" {
  value = { for name, policy in aws_iam_role_policy.this : name => policy.policy }
}
