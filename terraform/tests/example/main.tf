# Reads an example as Terraform would, so that the tests run the file that people copy.

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
