# Known at plan time; with `depends_on`, resources that use them wait for the role and its policies.

output "name" {
  description = "Name of the role."
  value       = var.name
  depends_on  = [aws_iam_role_policy.this]
}

output "arn" {
  description = "ARN of the role."
  value       = local.arn
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this]
}

output "trust" {
  description = "Trust policy as JSON."
  value       = aws_iam_role.this.assume_role_policy
}

output "policies" {
  description = "Inline policies: name to JSON."
  value       = { for name, policy in aws_iam_role_policy.this : name => policy.policy }
}
