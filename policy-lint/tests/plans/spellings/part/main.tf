variable "given" {
  type = string
}

output "given" {
  value = var.given
}

output "policy" {
  value = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = var.given, Resource = "arn:aws:s3:::part/*" }]
  })
}
