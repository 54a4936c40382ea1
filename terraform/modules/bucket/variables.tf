variable "deployment" {
  description = "Partition of AWS, such as `aws`, for the ARN."
  type        = object({ partition = string })
}

variable "name" {
  description = "Name of the bucket."
  type        = string
}

variable "key_arn" {
  description = "ARN of the KMS key for SSE-KMS; null uses SSE-S3."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether `destroy` may delete a bucket that contains objects."
  type        = bool
  nullable    = false
}

variable "expire_noncurrent_days" {
  description = "Number of days after which noncurrent versions expire; null keeps them."
  type        = number
}

variable "expire_days" {
  description = "Number of days after which current versions expire; null keeps them."
  type        = number
  default     = null
}

variable "expire_prefixes" {
  description = "Map of prefix to the number of days after which its objects expire; noncurrent versions follow a day later."
  type        = map(number)
  default     = {}
}

variable "object_lock" {
  description = "Default Object Lock retention for new versions; null disables it. Cannot be added to an existing bucket."
  type        = object({ mode = string, days = number })
  default     = null
}

variable "statements" {
  description = "Statements of the bucket policy in addition to DenyInsecureTransport, each with a Sid."
  type        = any
  default     = []
}

variable "eventbridge" {
  description = "Whether the bucket sends its events to the default event bus of EventBridge."
  type        = bool
  default     = false
}
