variable "deployment" {
  description = "Settings that all roles of a deployment share."

  type = object({
    partition            = string
    account_id           = string
    role_path            = string
    permissions_boundary = optional(string)
  })
}

variable "name" {
  description = "Name of the role."
  type        = string
}

variable "description" {
  description = "What the role is for, as shown in IAM."
  type        = string
}

variable "trusted" {
  description = "Principals that may assume the role: `{ Service = [...] }` or `{ AWS = [...] }`."
  type        = map(list(string))
}

variable "policies" {
  description = "Inline policies as a map of name to JSON. The role has no other policies."
  type        = map(string)
}

variable "key" {
  description = "The KMS key of encrypted buckets: the resource and the condition that limit a statement to this key and to requests through S3. Required if `encrypted_buckets` has a true value."
  type        = object({ resource = string, via_s3 = map(map(list(string))) })
  default     = null
}

variable "encrypted_buckets" {
  description = "Whether the role reads or writes objects that are encrypted with `key`. A multipart upload needs both."
  type        = object({ read = bool, write = bool })
  default     = { read = false, write = false }

  validation {
    condition     = var.key != null || !anytrue(values(var.encrypted_buckets))
    error_message = "`encrypted_buckets` needs `key`: pass the resource and the condition of the KMS key."
  }
}
