variable "deployment" {
  type = object({
    partition            = string
    region               = string
    account_id           = string
    architecture         = string
    log_retention_days   = number
    role_path            = string
    permissions_boundary = optional(string)
  })
}

variable "name" {
  type = string
}

variable "role_name" {
  type = string
}

variable "package" {
  description = "Deployment package: a zip file with an executable `bootstrap`."
  type        = object({ path = string, sha256 = string })
}

variable "policy" {
  description = "JSON policy for the AWS calls of the function's code. Logging permissions are added by this module."
  type        = string
}

variable "environment" {
  type    = map(string)
  default = {}
}

variable "memory_mb" {
  type     = number
  nullable = false
}

variable "timeout_s" {
  type     = number
  nullable = false
}
