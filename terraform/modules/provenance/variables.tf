# Defaults and validation are in the root module: ../../variables_provenance.tf.

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
    key_administration   = list(string)
    key = object({
      arn       = string
      resource  = string
      condition = map(map(list(string)))
    })
  })
}

variable "settings" {
  type = object({
    data_bucket = object({
      name                   = optional(string)
      force_destroy          = bool
      expire_noncurrent_days = optional(number)
    })
    prefixes = list(string)
    receipts_bucket = object({
      name           = optional(string)
      in_data_bucket = bool
      force_destroy  = bool
      object_lock    = optional(object({ mode = string, days = number }))
      journal_days   = number
    })
    write_once = bool
    trail = object({
      bucket_name    = optional(string)
      force_destroy  = bool
      retention_days = number
    })
    athena = object({
      bucket_name    = optional(string)
      scan_limit_mib = number
      results_days   = number
    })
    uploader_principals = list(string)
    auditor_principals  = list(string)
    operator_principals = list(string)
    encryption          = string
    memory_mb           = number
    timeout_s           = number
    batch_size          = number
    max_concurrency     = number
    names = object({
      function        = optional(string)
      function_role   = optional(string)
      ledger_function = optional(string)
      ledger_role     = optional(string)
      uploader_role   = optional(string)
      auditor_role    = optional(string)
      operator_role   = optional(string)
      queue           = optional(string)
      rule            = optional(string)
      schedule        = optional(string)
      signing_key     = optional(string)
      trail           = optional(string)
      database        = optional(string)
      workgroup       = optional(string)
    })
  })
}

variable "packages" {
  type = object({
    provenance = object({ path = string, sha256 = string })
    ledger     = object({ path = string, sha256 = string })
  })
}

variable "ingest" {
  description = "The processing bucket of `ingest` to watch, and its quarantine bucket; null if it is not watched."
  type        = object({ bucket = string, quarantine = string, prefixes = list(string), encrypted = bool })
  default     = null
}
