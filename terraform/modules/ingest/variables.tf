# Defaults and validation are in the root module: ../../variables_ingest.tf.

variable "deployment" {
  type = object({
    name                 = string
    bucket_suffix        = string
    partition            = string
    dns_suffix           = string
    region               = string
    account_id           = string
    architecture         = string
    log_retention_days   = number
    role_path            = string
    permissions_boundary = optional(string)
    alarm_topic_arn      = string
    allow_destroy        = bool
    key = object({
      arn       = string
      resource  = string
      condition = map(map(list(string)))
    })
  })
}

variable "settings" {
  type = object({
    processing_bucket = object({
      name                   = optional(string)
      force_destroy          = bool
      expire_noncurrent_days = number
    })
    quarantine_bucket = object({
      name                   = optional(string)
      force_destroy          = bool
      expire_noncurrent_days = number
      retention_days         = number
    })
    prefix = string
    table = object({
      name                = optional(string)
      hash_key            = string
      range_key           = string
      replica_regions     = list(string)
      deletion_protection = bool
    })
    schema_file         = optional(string)
    check_item_id       = bool
    max_object_mib      = number
    notify_on           = list(string)
    notify_emails       = list(string)
    uploader_principals = list(string)
    operator_principals = list(string)
    encryption          = string
    memory_mb           = number
    timeout_s           = number
    batch_size          = number
    max_concurrency     = number
    names = object({
      function      = optional(string)
      function_role = optional(string)
      uploader_role = optional(string)
      operator_role = optional(string)
      topic         = optional(string)
      queue         = optional(string)
      rule          = optional(string)
    })
  })
}

variable "package" {
  type = object({ path = string, sha256 = string })
}

variable "records" {
  description = "Object ARNs under which the operator role writes operator records, if `provenance` watches the processing bucket; null otherwise."
  type        = object({ resources = list(string), encrypted = bool })
  default     = null
}
