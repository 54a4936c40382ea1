variable "provenance" {
  description = <<-TEXT
    Writes a receipt with the SHA-256 of every object version and an hourly signed manifest of the receipts, and records
    with CloudTrail and Athena who accessed which object, when and from where. null disables the system. Every attribute
    is optional: `provenance = {}` deploys the whole system.

    prefixes                        watched prefixes of the data bucket
    watch_ingest                    also watch the processing bucket of `ingest`
    *.expire_noncurrent_days        null keeps noncurrent versions permanently
    receipts_bucket.in_data_bucket  store receipts in the data bucket, under provenance/, operator/, journal/ and ledger/
    receipts_bucket.object_lock     { mode = "GOVERNANCE" or "COMPLIANCE", days }; only for a bucket that is created now
    receipts_bucket.journal_days    days after which journal entries expire
    write_once                      deny writes to the receipts bucket that could replace an existing object
    athena.scan_limit_mib           maximum amount of data that one query may scan
    *_principals                    ARNs of users or roles that may assume the role; if empty, the role is not created
    encryption                      of all buckets of this system and of the trail: sse-kms or sse-s3
    names                           names of existing resources to keep; the default is {project}-{environment}-{component}
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
    error_message = "a bucket name in `provenance` must have 3 to 63 lower-case letters, digits and hyphens (a dot would break TLS connections to the bucket)."
  }

  validation {
    condition     = var.provenance == null ? true : !var.provenance.receipts_bucket.in_data_bucket || var.provenance.receipts_bucket.name == null
    error_message = "`provenance.receipts_bucket` sets both `in_data_bucket` and `name`: remove `name` to store receipts in the data bucket, or `in_data_bucket` to store them in a bucket of their own."
  }

  # In us-east-1 S3 answers the second creation of a bucket with 200, so both resources would manage the same bucket.
  validation {
    condition = var.provenance == null ? true : length(distinct(concat(local.ingest_buckets, [
      for component, name in {
        data     = var.provenance.data_bucket.name
        receipts = var.provenance.receipts_bucket.name
        trail    = var.provenance.trail.bucket_name
        queries  = var.provenance.athena.bucket_name
      } : coalesce(name, "${local.name}-${component}-${local.bucket_suffix}")
    ]))) == length(local.ingest_buckets) + 4
    error_message = "two buckets have the same name: give each bucket its own name. To store receipts in the data bucket, set `provenance.receipts_bucket = { in_data_bucket = true }` instead."
  }

  validation {
    condition = length(try(var.provenance.prefixes, ["x"])) > 0 && alltrue([
      for prefix in try(var.provenance.prefixes, []) : can(regex("^[A-Za-z0-9!_.=()-]+(/[A-Za-z0-9!_.=()-]+)*/?$", prefix))
    ])
    error_message = "`provenance.prefixes` must contain folders such as `incoming/`: no leading slash, no empty segment, and only letters, digits and `! _ . = ( ) -`."
  }

  # Receipts are written under these prefixes; a receipt of a receipt would be an endless loop.
  validation {
    condition = alltrue([
      for prefix in try(var.provenance.prefixes, []) : !contains(["provenance", "operator", "journal", "ledger", "_sluice"], split("/", prefix)[0])
    ])
    error_message = "`provenance.prefixes` contains a prefix under `provenance/`, `operator/`, `journal/`, `ledger/` or `_sluice/`, which are reserved: watch another prefix."
  }

  validation {
    condition     = length(try(var.provenance.prefixes, [])) == length(distinct([for prefix in try(var.provenance.prefixes, []) : trimsuffix(prefix, "/")]))
    error_message = "`provenance.prefixes` contains a prefix twice: remove one of them."
  }

  validation {
    condition     = try(var.provenance.watch_ingest, false) ? var.ingest != null : true
    error_message = "`provenance.watch_ingest` requires `ingest`: set `ingest = {}` too, or remove `watch_ingest`."
  }

  validation {
    condition     = try(var.provenance.watch_ingest, false) ? !contains(["provenance", "operator", "journal", "ledger"], split("/", try(var.ingest.prefix, ""))[0]) : true
    error_message = "`provenance.watch_ingest` cannot watch `ingest.prefix` under `provenance/`, `operator/`, `journal/` or `ledger/`, whose objects never get a receipt: set `ingest.prefix` to another prefix."
  }

  # A dead letter refers to an object version and is kept for 14 days, after up to one day of retries in EventBridge.
  validation {
    condition     = try(var.provenance.data_bucket.expire_noncurrent_days, null) == null ? true : var.provenance.data_bucket.expire_noncurrent_days >= 15
    error_message = "`provenance.data_bucket.expire_noncurrent_days` must be at least 15, or null: an object version must outlive the dead letter that refers to it (14 days, after up to one day in EventBridge)."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.in_data_bucket, false) ? var.provenance.data_bucket.expire_noncurrent_days == null : true
    error_message = "`provenance.data_bucket.expire_noncurrent_days` would also expire noncurrent receipts, which are in the same bucket: remove it, or store the receipts in a bucket of their own."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.in_data_bucket, false) ? !var.provenance.receipts_bucket.force_destroy || var.provenance.data_bucket.force_destroy : true
    error_message = "`provenance.receipts_bucket.force_destroy` has no effect with `in_data_bucket`: set it in `data_bucket`."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.object_lock, null) == null ? true : !var.provenance.receipts_bucket.in_data_bucket
    error_message = "`provenance.receipts_bucket.object_lock` would also lock every object of the data bucket: store the receipts in a bucket of their own, without `in_data_bucket`."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.object_lock, null) == null ? true : contains(["GOVERNANCE", "COMPLIANCE"], var.provenance.receipts_bucket.object_lock.mode) && var.provenance.receipts_bucket.object_lock.days >= 1 && var.provenance.receipts_bucket.object_lock.days <= 36500
    error_message = "`provenance.receipts_bucket.object_lock` must be { mode = \"GOVERNANCE\" or \"COMPLIANCE\", days = 1 to 36500 }."
  }

  validation {
    condition     = try(var.provenance.receipts_bucket.object_lock.mode, "") == "COMPLIANCE" ? !var.provenance.receipts_bucket.force_destroy : true
    error_message = "`provenance.receipts_bucket.force_destroy` cannot delete objects that are locked in COMPLIANCE mode, nor can any principal: remove it, or use GOVERNANCE mode."
  }

  # A manifest is due within two hours; three days also cover an outage over a weekend.
  validation {
    condition     = try(var.provenance.receipts_bucket.journal_days, 3) >= 3
    error_message = "`provenance.receipts_bucket.journal_days` must be at least 3: the ledger cannot list a receipt whose journal entry expired before the manifest was signed."
  }

  validation {
    condition     = try(var.provenance.trail.retention_days, 1) >= 1 && try(var.provenance.athena.results_days, 1) >= 1
    error_message = "`provenance.trail.retention_days` and `provenance.athena.results_days` must be at least 1."
  }

  validation {
    condition     = try(var.provenance.athena.scan_limit_mib, 10) >= 10
    error_message = "`provenance.athena.scan_limit_mib` must be at least 10, the minimum that Athena accepts."
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
    error_message = "`provenance.uploader_principals`, `auditor_principals` and `operator_principals` must contain ARNs of users, roles or accounts (`arn:aws:iam::<account>:role/<name>`) without wildcards; for an assumed-role or IAM Identity Center session, use the ARN of its role."
  }

  validation {
    condition     = try(var.provenance.memory_mb, 256) >= 128 && try(var.provenance.memory_mb, 256) <= 10240
    error_message = "`provenance.memory_mb` must be between 128 and 10240, the limits of Lambda."
  }

  # The visibility timeout is six times the function timeout, and SQS limits it to 12 hours.
  validation {
    condition     = try(var.provenance.timeout_s, 900) >= 60 && try(var.provenance.timeout_s, 900) <= 900
    error_message = "`provenance.timeout_s` must be between 60 and 900: the function reserves about 20 s for writing the receipt and defers objects that take longer to hash, and Lambda ends an invocation after 15 minutes."
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
    error_message = "a name in `provenance.names` is not a valid resource name: use letters, digits, `_` and `-`; functions, roles and schedule have at most 64 characters, the rule at most 57 (the rule for the ingest bucket adds 7), the queue at most 61 (its dead-letter queues add 19); a database has only lower-case letters, digits and `_`; write the alias of a signing key without `alias/`."
  }

  validation {
    condition = (
      coalesce(try(var.provenance.names.function, null), "${local.name}-provenance") != coalesce(try(var.provenance.names.ledger_function, null), "${local.name}-ledger") &&
      coalesce(try(var.provenance.names.function_role, null), "${local.name}-provenance") != coalesce(try(var.provenance.names.ledger_role, null), "${local.name}-ledger")
    )
    error_message = "`provenance.names` gives the function and the ledger the same name or the same role: use different ones."
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
