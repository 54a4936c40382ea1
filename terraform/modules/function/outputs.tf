# Names and ARNs are known at plan time; with `depends_on`, resources that use them wait for the function.

output "name" {
  value      = var.name
  depends_on = [aws_lambda_function.this]
}

output "arn" {
  value      = local.arn
  depends_on = [aws_lambda_function.this]
}

output "role_arn" {
  value = module.role.arn
}

output "log_group" {
  value = local.log_group
}

output "policies" {
  value = module.role.policies
}

output "this" {
  value = aws_lambda_function.this
}
