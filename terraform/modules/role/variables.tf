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
  description = "Who may assume the role: `{ Service = [...] }` or `{ AWS = [...] }`."
  type        = map(list(string))
}

variable "policies" {
  description = "Inline policies, name to JSON; the role has these and no other."
  type        = map(string)
}
