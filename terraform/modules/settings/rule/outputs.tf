output "valid" {
  description = "Whether the rule holds; anything else is an error."
  value       = var.valid

  precondition {
    condition     = var.valid
    error_message = var.message
  }
}
