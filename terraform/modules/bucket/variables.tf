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
  description = "Age at which versions that were replaced or hidden expire; null keeps them."
  type        = number
}

variable "expire_days" {
  description = "Age at which current versions expire; null keeps them."
  type        = number
  default     = null
}

variable "expire_prefixes" {
  description = "Prefix to the age at which what is under it expires, and is gone a day later."
  type        = map(number)
  default     = {}
}

variable "object_lock" {
  description = "Lock of every new version; null means none. Cannot be added to a bucket that is there."
  type        = object({ mode = string, days = number })
  default     = null
}

variable "statements" {
  description = "Statements of the bucket's policy beside the refusal of plain HTTP, each with a Sid."
  type        = any
  default     = []
}

variable "eventbridge" {
  description = "Whether the bucket tells the default event bus about its objects."
  type        = bool
  default     = false
}
