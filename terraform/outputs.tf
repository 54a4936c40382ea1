output "deployment" {
  description = "Project, environment, Region and account of this deployment; `sluice` reads it together with the outputs of the systems."
  value       = module.deployment.deployment
}

output "ingest" {
  description = "Resource names, ARNs, function environment and ready-to-use commands of `ingest`; null if it is disabled."
  value       = module.deployment.ingest
}

output "provenance" {
  description = "Resource names, ARNs, function environments, ready-to-use commands and the public signing key of `provenance`; null if it is disabled."
  value       = module.deployment.provenance
}
