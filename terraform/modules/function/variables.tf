variable "deployment" {
  description = "Settings that all functions of a deployment share."

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
  description = "Name of the function; its log group is `/aws/lambda/{name}`."
  type        = string
}

variable "role_name" {
  description = "Name of the execution role."
  type        = string
}

variable "package" {
  description = "Deployment package: a zip file with an executable `bootstrap`."
  type        = object({ path = string, sha256 = string })
}

variable "policy" {
  description = "JSON policy for the AWS calls of the function's code. Logging permissions are added by this module."
  type        = string
}

variable "key" {
  description = "The KMS key of encrypted buckets: the resource and the condition that limit a statement to this key and to requests through S3. Required if `encrypted_buckets` has a true value."
  type        = object({ resource = string, via_s3 = map(map(list(string))) })
  default     = null
}

variable "encrypted_buckets" {
  description = "Whether the function reads or writes objects that are encrypted with `key`."
  type        = object({ read = bool, write = bool })
  default     = { read = false, write = false }
}

variable "environment" {
  description = "Environment variables of the function."
  type        = map(string)
  default     = {}
}

variable "memory_mb" {
  description = "Memory in MB, from 128 to 10240."
  type        = number
  nullable    = false
}

variable "timeout_s" {
  description = "Timeout of an invocation in seconds, at most 900."
  type        = number
  nullable    = false
}
