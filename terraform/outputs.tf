output "deployment" {
  description = "Project, environment, Region and account of this deployment; `sluice` reads it together with the outputs of the systems."
  value = {
    project     = var.project
    environment = var.environment
    region      = var.region
    account_id  = local.account_id
  }
}

output "ingest" {
  description = "Resource names, ARNs and ready-to-use commands of `ingest`; null if it is disabled."
  value       = one(module.ingest[*].resources)
}

output "provenance" {
  description = "Resource names, ARNs, ready-to-use commands and the public signing key of `provenance`; null if it is disabled."
  value       = one(module.provenance[*].resources)
}
