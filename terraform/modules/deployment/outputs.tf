output "deployment" {
  description = "Project, environment, Region and account of this deployment; `sluice` reads it together with the outputs of the systems."

  value = {
    project     = var.project
    environment = var.environment
    region      = local.region
    account_id  = local.account_id
  }

  # The names within one system are compared in its module.
  precondition {
    condition     = alltrue([for kind, names in local.names : length(distinct(names)) == length(names)])
    error_message = "two systems give the same name to two resources: ${join(", ", flatten([for kind, names in local.names : [for name in distinct(names) : "${kind} `${name}`" if length([for other in names : other if other == name]) > 1]]))}. Set another name in one of them."
  }
}

output "ingest" {
  description = "Names and ARNs of `ingest` (also as `resources`), `environment` of its function, and `roles`; null if it is disabled."
  value       = one([for system in module.ingest : merge(system.resources, { resources = system.resources, environment = system.environment, roles = system.roles })])
}

output "provenance" {
  description = "Names and ARNs of `provenance` (also as `resources`), `environment` of its functions, and `roles`; null if it is disabled."
  value       = one([for system in module.provenance : merge(system.resources, { resources = system.resources, environment = system.environment, roles = system.roles })])
}

output "alarm_topic_arn" {
  description = "ARN of the SNS topic to which every alarm publishes."
  value       = module.alarm_topic.arn
}

locals {
  system_names = concat(module.ingest[*].names, module.provenance[*].names)
  names        = { for kind in distinct(flatten([for names in local.system_names : keys(names)])) : kind => flatten([for names in local.system_names : try(names[kind], [])]) }
}
