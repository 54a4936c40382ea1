# Decodes an example variables file, so that the tests use the published file.

terraform {
  required_providers {
    terraform = {
      source = "terraform.io/builtin/terraform"
    }
  }
}

variable "name" {
  type = string
}

output "values" {
  value = provider::terraform::decode_tfvars(file("${path.module}/../../examples/${var.name}.tfvars"))
}
