variable "deployment" {
  description = "Partition, Region and account of the topic, for its ARN."
  type        = object({ partition = string, region = string, account_id = string })
}

variable "name" {
  description = "Name of the topic."
  type        = string
}

variable "key_arn" {
  description = "ARN of a customer managed KMS key. AWS services cannot publish to a topic that uses the AWS managed key of SNS."
  type        = string
}

variable "emails" {
  description = "Email addresses to subscribe, known at plan. AWS sends each a confirmation link."
  type        = list(string)
  default     = []
}

variable "publishers" {
  description = "AWS services that may publish, by Sid. IAM roles are not listed: their own policies grant it."
  type        = map(object({ service = string, source_arn = string }))
  default     = {}
}
