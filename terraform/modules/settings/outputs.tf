output "settings" {
  description = "The settings, which are there only if every check passes."
  value       = var.settings
  depends_on  = [module.rule]
}

output "names" {
  description = "The given names by kind, for comparison with those of other systems."
  value       = { for kind in distinct(values(var.names)[*].kind) : kind => [for resource in var.names : resource.name if resource.kind == kind] }
}
