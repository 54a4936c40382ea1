variable "deployment" {
  description = "Partition, Region and account of the queue, for its ARN."
  type        = object({ partition = string, region = string, account_id = string })
}

variable "name" {
  description = "Name of the queue."
  type        = string
}

variable "visibility_timeout_s" {
  description = "Seconds for which a received message is invisible; for a queue of a Lambda function at least six times the timeout of the function."
  type        = number
  default     = 30
}

variable "retention_s" {
  description = "Seconds after which a message is deleted, at most 14 days."
  type        = number
  nullable    = false
}

variable "dead_letters" {
  description = "Dead-letter queue of this queue, and the number of receives after which a message is moved to it; null if there is none."
  type        = object({ arn = string, after_receives = number })
  default     = null
}

variable "dead_letters_of" {
  description = "ARNs of the source queues that may use this queue as their dead-letter queue."
  type        = list(string)
  default     = []
}

variable "senders" {
  description = "AWS services that may send messages, by Sid, restricted to the source ARN (which includes the account)."
  type        = map(object({ service = string, source_arn = string }))
  default     = {}
}
