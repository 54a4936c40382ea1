variable "deployment" {
  type = object({ partition = string, region = string, account_id = string })
}

variable "name" {
  type = string
}

variable "key_arn" {
  description = "Customer key: AWS's own key for SNS would shut out the services that publish."
  type        = string
}

variable "emails" {
  type    = list(string)
  default = []
}

variable "publishers" {
  description = "Services that may publish, by Sid. Roles need none: their own policy grants it."
  type        = map(object({ service = string, source_arn = string }))
  default     = {}
}
