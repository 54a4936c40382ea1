# Names and ARNs are known at plan time; with `depends_on`, resources that use them wait for the function.

output "name" {
  description = "Name of the function."
  value       = var.name
  depends_on  = [aws_lambda_function.this]
}

output "arn" {
  description = "ARN of the function."
  value       = local.arn
  depends_on  = [aws_lambda_function.this]
}

output "role_arn" {
  description = "ARN of the execution role."
  value       = module.role.arn
}

output "log_group" {
  description = "Name of the log group."
  value       = local.log_group
}

output "environment" {
  description = "Environment variables of the function, for running its code elsewhere."
  value       = var.environment
}

output "policies" {
  description = "Inline policies of the execution role: name to JSON."
  value       = module.role.policies
}
