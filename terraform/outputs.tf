output "deployment" {
  description = "Where this is; the operator's tool reads it together with the systems."
  value = {
    project     = var.project
    environment = var.environment
    region      = var.region
    account_id  = local.account_id
  }
}

output "ingest" {
  description = "Names, ARNs and commands of the ingest; null when it is off."
  value       = one(module.ingest[*].resources)
}

output "provenance" {
  description = "Names, ARNs, commands and the public key of the provenance; null when it is off."
  value       = one(module.provenance[*].resources)
}
