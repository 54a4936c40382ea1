variable "provenance" {
  description = <<-TEXT
    Every object version gets a receipt with its SHA-256, every hour a signed manifest of the receipts, and CloudTrail
    and Athena say who, what, when and where. null = off. Every attribute may be left out: `provenance = {}` is a whole
    system.

    prefixes                        of the data bucket that are watched
    watch_ingest                    watch the ingest's bucket too
    *.expire_noncurrent_days        null keeps replaced versions for ever
    receipts_bucket.in_data_bucket  no bucket of their own: receipts lie next to the data, under provenance/, operator/, journal/, ledger/
    receipts_bucket.object_lock     { mode = "GOVERNANCE" or "COMPLIANCE", days }; only for a bucket that is made now
    receipts_bucket.journal_days    how long announcements stay after their manifest
    write_once                      the bucket refuses any write of a receipt that could replace one
    athena.scan_limit_mib           what one query may read
    *_principals                    ARNs of users or roles that may assume the role; none = no role
    encryption                      of all its buckets and of the trail: sse-kms or sse-s3
    names                           of existing things to keep; left out, {project}-{environment}-{component}
  TEXT

  type = object({
    data_bucket = optional(object({
      name                   = optional(string)
      force_destroy          = optional(bool, false)
      expire_noncurrent_days = optional(number)
    }), {})
    prefixes     = optional(list(string), ["incoming/"])
    watch_ingest = optional(bool, false)
    receipts_bucket = optional(object({
      name           = optional(string)
      in_data_bucket = optional(bool, false)
      force_destroy  = optional(bool, false)
      object_lock    = optional(object({ mode = string, days = number }))
      journal_days   = optional(number, 30)
    }), {})
    write_once = optional(bool, true)
    trail = optional(object({
      bucket_name    = optional(string)
      force_destroy  = optional(bool, false)
      retention_days = optional(number, 365)
    }), {})
    athena = optional(object({
      bucket_name    = optional(string)
      scan_limit_mib = optional(number, 10240)
      results_days   = optional(number, 30)
    }), {})
    uploader_principals = optional(list(string), [])
    auditor_principals  = optional(list(string), [])
    operator_principals = optional(list(string), [])
    encryption          = optional(string, "sse-kms")
    memory_mb           = optional(number, 256)
    timeout_s           = optional(number, 900)
    batch_size          = optional(number, 4)
    max_concurrency     = optional(number, 10)
    names = optional(object({
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
    }), {})
  })
  default = null

  validation {
    condition = alltrue([
      for name in [
        try(var.provenance.data_bucket.name, null), try(var.provenance.receipts_bucket.name, null),
        try(var.provenance.trail.bucket_name, null), try(var.provenance.athena.bucket_name, null),
      ] : name == null ? true : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", name))
    ])
    error_message = "a bucket's name in `provenance` must have 3 to 63 lower-case letters, digits and hyphens (a dot would break TLS to the bucket)."
  }

  validation {
    condition     = var.provenance == null ? true : !var.provenance.receipts_bucket.in_data_bucket || var.provenance.receipts_bucket.name == null
    error_message = "`provenance.receipts_bucket` has both `in_data_bucket` and a `name`: leave the name out to keep receipts beside the data, or `in_data_bucket` to give them a bucket."
  }

  # One bucket under two names of state: AWS answers the second creation in us-east-1 with 200.
  validation {
    condition = var.provenance == null ? true : length(distinct(concat(local.ingest_buckets, [
      for component, name in {
        data     = var.provenance.data_bucket.name
        receipts = var.provenance.receipts_bucket.name
        trail    = var.provenance.trail.bucket_name
        queries  = var.provenance.athena.bucket_name
      } : coalesce(name, "${local.name}-${component}-${local.bucket_suffix}")
    ]))) == length(local.ingest_buckets) + 4
    error_message = "two buckets of the systems have one name: give each its own. To keep receipts beside the data, write `provenance.receipts_bucket = { in_data_bucket = true }` instead."
  }

  validation {
    condition = length(try(var.provenance.prefixes, ["x"])) > 0 && alltrue([
      for prefix in try(var.provenance.prefixes, []) : can(regex("^[A-Za-z0-9!_.=()-]+(/[A-Za-z0-9!_.=()-]+)*/?$", prefix))
    ])
    error_message = "`provenance.prefixes` must hold folders such as `incoming/`: no slash in front, no empty part, and only letters, digits and `! _ . = ( ) -`."
  }

  # An object under one of them would be a receipt, or get one: a loop.
  validation {
    condition = alltrue([
      for prefix in try(var.provenance.prefixes, []) : !contains(["provenance", "operator", "journal", "ledger", "_sluice"], split("/", prefix)[0])
    ])
    error_message = "`provenance.prefixes` holds one under `provenance/`, `operator/`, `journal/`, `ledger/` or `_sluice/`, where the project keeps its own files: watch another."
  }

  validation {
    condition     = length(try(var.provenance.prefixes, [])) == length(distinct([for prefix in try(var.provenance.prefixes, []) : trimsuffix(prefix, "/")]))
    error_message = "`provenance.prefixes` holds a prefix twice: leave one out."
  }

  validation {
    condition     = try(var.provenance.watch_ingest, false) ? var.ingest != null : true
    error_message = "`provenance.watch_ingest` needs an ingest to watch: write `ingest = {}` too, or leave it out."
  }

  validation {
    condition     = try(var.provenance.watch_ingest, false) ? !contains(["provenance", "operator", "journal", "ledger"], split("/", try(var.ingest.prefix, ""))[0]) : true
    error_message = "`provenance.watch_ingest` finds the ingest's prefix under `provenance/`, `operator/`, `journal/` or `ledger/`, whose objects never get a receipt: give `ingest.prefix` another name."
  }

  # A dead letter lives 14 days and names a version; EventBridge may have held it for a day before.
  validation {
    condition     = try(var.provenance.data_bucket.expire_noncurrent_days, null) == null ? true : var.provenance.data_bucket.expire_noncurrent_days >= 15
    error_message = "`provenance.data_bucket.expire_noncurrent_days` must be at least 15, or be left out: a version has to outlive the dead letter that names it (14 days, after up to one day in EventBridge)."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.in_data_bucket, false) ? var.provenance.data_bucket.expire_noncurrent_days == null : true
    error_message = "`provenance.data_bucket.expire_noncurrent_days` would forget replaced receipts too, which lie in the same bucket: leave it out, or give the receipts a bucket of their own."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.in_data_bucket, false) ? !var.provenance.receipts_bucket.force_destroy || var.provenance.data_bucket.force_destroy : true
    error_message = "`provenance.receipts_bucket.force_destroy` has no bucket to destroy: with `in_data_bucket` write it under `data_bucket`."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.object_lock, null) == null ? true : !var.provenance.receipts_bucket.in_data_bucket
    error_message = "`provenance.receipts_bucket.object_lock` would lock every file of the data bucket too: give the receipts a bucket of their own, without `in_data_bucket`."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.object_lock, null) == null ? true : contains(["GOVERNANCE", "COMPLIANCE"], var.provenance.receipts_bucket.object_lock.mode) && var.provenance.receipts_bucket.object_lock.days >= 1 && var.provenance.receipts_bucket.object_lock.days <= 36500
    error_message = "`provenance.receipts_bucket.object_lock` must be { mode = \"GOVERNANCE\" or \"COMPLIANCE\", days = 1 to 36500 }."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.object_lock.mode, "") == "COMPLIANCE" ? !var.provenance.receipts_bucket.force_destroy : true
    error_message = "`provenance.receipts_bucket.force_destroy` cannot empty a bucket locked for compliance, nor can anybody else: leave it out, or lock with GOVERNANCE."
  }

  # A manifest is due within two hours; three days bear an outage over a weekend.
  validation {
    condition     = try(var.provenance.receipts_bucket.journal_days, 3) >= 3
    error_message = "`provenance.receipts_bucket.journal_days` must be at least 3: an announcement that expires before its manifest is signed is lost to the ledger."
  }

  validation {
    condition     = try(var.provenance.trail.retention_days, 1) >= 1 && try(var.provenance.athena.results_days, 1) >= 1
    error_message = "`provenance.trail.retention_days` and `provenance.athena.results_days` must be at least 1."
  }

  validation {
    condition     = try(var.provenance.athena.scan_limit_mib, 10) >= 10
    error_message = "`provenance.athena.scan_limit_mib` must be at least 10, the least that Athena takes."
  }

  validation {
    condition     = contains(["sse-s3", "sse-kms"], try(var.provenance.encryption, "sse-kms"))
    error_message = "`provenance.encryption` must be `sse-kms` or `sse-s3`."
  }

  validation {
    condition = alltrue([
      for arn in concat(try(var.provenance.uploader_principals, []), try(var.provenance.auditor_principals, []), try(var.provenance.operator_principals, [])) :
      can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[^*]+)$", arn))
    ])
    error_message = "`provenance.uploader_principals`, `auditor_principals` and `operator_principals` hold ARNs of users, roles or accounts (`arn:aws:iam::<account>:role/<name>`), without wildcards; for an assumed-role or single sign-on session, name its role."
  }

  validation {
    condition     = try(var.provenance.memory_mb, 256) >= 128 && try(var.provenance.memory_mb, 256) <= 10240
    error_message = "`provenance.memory_mb` must be between 128 and 10240, Lambda's limits."
  }

  # Visibility is six times the timeout, and a queue's visibility ends at 12 hours.
  validation {
    condition     = try(var.provenance.timeout_s, 900) >= 60 && try(var.provenance.timeout_s, 900) <= 900
    error_message = "`provenance.timeout_s` must be between 60 and 900: a third of a minute is kept for writing, what takes longer to hash is deferred, Lambda stops at 15 minutes, and the queue hides a message six times as long."
  }

  validation {
    condition     = try(var.provenance.batch_size, 4) >= 1 && try(var.provenance.batch_size, 4) <= 10000
    error_message = "`provenance.batch_size` must be between 1 and 10000."
  }

  validation {
    condition     = try(var.provenance.max_concurrency, 10) >= 2 && try(var.provenance.max_concurrency, 10) <= 1000
    error_message = "`provenance.max_concurrency` must be between 2 and 1000, the limits of an event-source mapping."
  }

  validation {
    condition = alltrue([
      for name, shape in {
        function        = "^[A-Za-z0-9_-]{1,64}$"
        function_role   = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        ledger_function = "^[A-Za-z0-9_-]{1,64}$"
        ledger_role     = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        uploader_role   = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        auditor_role    = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        operator_role   = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        queue           = "^[A-Za-z0-9_-]{1,61}$"
        rule            = "^[A-Za-z0-9_.-]{1,57}$"
        schedule        = "^[A-Za-z0-9_.-]{1,64}$"
        signing_key     = "^[A-Za-z0-9/_-]{1,250}$"
        trail           = "^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$"
        database        = "^[a-z0-9_]{1,255}$"
        workgroup       = "^[A-Za-z0-9._-]{1,128}$"
      } : try(var.provenance.names[name], null) == null ? true : can(regex(shape, var.provenance.names[name]))
    ])
    error_message = "a name in `provenance.names` is not one AWS takes: letters, digits, `_` and `-`; functions, roles and schedule up to 64, rule up to 57 (the ingest's adds 7), queue up to 61 (its dead-letter queues add 19); a database only lower-case letters, digits and `_`; a signing key's alias without `alias/`."
  }

  validation {
    condition = (
      coalesce(try(var.provenance.names.function, null), "${local.name}-provenance") != coalesce(try(var.provenance.names.ledger_function, null), "${local.name}-ledger") &&
      coalesce(try(var.provenance.names.function_role, null), "${local.name}-provenance") != coalesce(try(var.provenance.names.ledger_role, null), "${local.name}-ledger")
    )
    error_message = "`provenance.names` gives the function and the ledger one name, or one role: each needs its own."
  }
}

locals {
  ingest_buckets = [
    for component, name in {
      processing = try(var.ingest.processing_bucket.name, null)
      quarantine = try(var.ingest.quarantine_bucket.name, null)
    } : coalesce(name, "${local.name}-${component}-${local.bucket_suffix}") if var.ingest != null
  ]
}
