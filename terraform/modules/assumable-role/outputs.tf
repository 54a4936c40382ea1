output "arn" {
  description = "ARN of the role, known at plan time; null without principals."
  value       = one(module.role[*].arn)
}

output "policies" {
  description = "Inline policies: name to JSON; null without principals."
  value       = one(module.role[*].policies)
}
