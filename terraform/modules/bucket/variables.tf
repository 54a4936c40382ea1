variable "deployment" {
  type = object({ partition = string })
}

variable "name" {
  type = string
}

variable "key_arn" {
  description = "Customer key for SSE-KMS; null means SSE-S3."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether `destroy` may delete a bucket that still holds objects."
  type        = bool
  nullable    = false
}

variable "expire_noncurrent_days" {
  type     = number
  nullable = false
}

variable "expire_days" {
  description = "Age at which current versions expire; null keeps them."
  type        = number
  default     = null
}

variable "eventbridge" {
  description = "Whether the bucket tells the default event bus about its objects."
  type        = bool
  default     = false
}
