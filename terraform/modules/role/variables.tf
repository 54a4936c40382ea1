variable "deployment" {
  type = object({
    partition            = string
    account_id           = string
    role_path            = string
    permissions_boundary = optional(string)
  })
}

variable "name" {
  type = string
}

variable "description" {
  type = string
}

variable "trusted" {
  description = "Principals that may assume the role: `{ Service = [...] }` or `{ AWS = [...] }`."
  type        = map(list(string))
}

variable "policies" {
  description = "Inline policies as a map of name to JSON. The role has no other policies."
  type        = map(string)
}
