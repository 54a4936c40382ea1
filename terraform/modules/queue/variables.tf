variable "deployment" {
  type = object({ partition = string, region = string, account_id = string })
}

variable "name" {
  type = string
}

variable "visibility_timeout_s" {
  type    = number
  default = 30
}

variable "retention_s" {
  type     = number
  nullable = false
}

variable "dead_letters" {
  description = "Where a message goes that was received too often."
  type        = object({ arn = string, after_receives = number })
  default     = null
}

variable "dead_letters_of" {
  description = "ARNs of the queues whose dead letters this one takes."
  type        = list(string)
  default     = []
}

variable "senders" {
  description = "Services that may send, by Sid. The source's ARN carries its account."
  type        = map(object({ service = string, source_arn = string }))
  default     = {}
}
