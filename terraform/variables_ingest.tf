variable "ingest" {
  description = <<-TEXT
    Validates JSON files uploaded to an S3 bucket, stores each as one DynamoDB item or moves it to quarantine, and sends
    notifications. null disables the system. Every attribute is optional: `ingest = {}` deploys the whole system.

    prefix                 only object keys with this prefix are processed; "" processes all
    table.range_key        "" creates a table without a range key
    schema_file            JSON Schema 2020-12 for items in DynamoDB JSON; path relative to terraform/ or absolute
    check_item_id          also require ItemID to be UPPER(EntityType)#Title without spaces
    notify_on              outcomes that are sent to notify_emails
    *_principals           ARNs of users or roles that may assume the role; if empty, the role is not created
    encryption             of both buckets: sse-s3 or sse-kms
    names                  names of existing resources to keep; the default is {project}-{environment}-{component}
  TEXT

  type = object({
    processing_bucket = optional(object({
      name                   = optional(string)
      force_destroy          = optional(bool, false)
      expire_noncurrent_days = optional(number, 30)
    }), {})
    quarantine_bucket = optional(object({
      name                   = optional(string)
      force_destroy          = optional(bool, false)
      expire_noncurrent_days = optional(number, 30)
      retention_days         = optional(number, 365)
    }), {})
    prefix = optional(string, "")
    table = optional(object({
      name                = optional(string)
      hash_key            = optional(string, "ArtistID")
      range_key           = optional(string, "ItemID")
      replica_regions     = optional(list(string), [])
      deletion_protection = optional(bool, true)
    }), {})
    schema_file         = optional(string)
    check_item_id       = optional(bool, false)
    max_object_mib      = optional(number, 10)
    notify_on           = optional(list(string), ["invalid", "conflict", "too-large", "unreadable"])
    notify_emails       = optional(list(string), [])
    uploader_principals = optional(list(string), [])
    operator_principals = optional(list(string), [])
    encryption          = optional(string, "sse-s3")
    memory_mb           = optional(number, 512)
    timeout_s           = optional(number, 30)
    batch_size          = optional(number, 10)
    max_concurrency     = optional(number, 10)
    names = optional(object({
      function      = optional(string)
      function_role = optional(string)
      uploader_role = optional(string)
      operator_role = optional(string)
      topic         = optional(string)
      queue         = optional(string)
      rule          = optional(string)
    }), {})
  })
  default = null

  validation {
    condition = alltrue([
      for name in [try(var.ingest.processing_bucket.name, null), try(var.ingest.quarantine_bucket.name, null)] :
      name == null ? true : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", name))
    ])
    error_message = "a bucket name in `ingest` must have 3 to 63 lower-case letters, digits and hyphens (a dot would break TLS connections to the bucket)."
  }

  # In us-east-1 S3 answers the second creation of a bucket with 200, so both resources would manage the same bucket.
  validation {
    condition = (
      coalesce(try(var.ingest.processing_bucket.name, null), "${local.name}-processing-${local.bucket_suffix}") !=
      coalesce(try(var.ingest.quarantine_bucket.name, null), "${local.name}-quarantine-${local.bucket_suffix}")
    )
    error_message = "`ingest.processing_bucket.name` and `ingest.quarantine_bucket.name` name the same bucket: choose another name for the quarantine bucket."
  }

  # A dead letter refers to an object version and is kept for 14 days, after up to one day of retries in EventBridge.
  validation {
    condition     = try(var.ingest.processing_bucket.expire_noncurrent_days, 30) >= 15
    error_message = "`ingest.processing_bucket.expire_noncurrent_days` must be at least 15: an object version must outlive the dead letter that refers to it (14 days, after up to one day in EventBridge)."
  }

  validation {
    condition     = try(var.ingest.quarantine_bucket.expire_noncurrent_days, 1) >= 1 && try(var.ingest.quarantine_bucket.retention_days, 15) >= 15
    error_message = "`ingest.quarantine_bucket` needs `expire_noncurrent_days` of at least 1 and `retention_days` of at least 15, so that a redelivered event still finds the object that it moved."
  }

  validation {
    condition     = can(regex("^([A-Za-z0-9!_.=()-]+(/[A-Za-z0-9!_.=()-]+)*/?)?$", try(var.ingest.prefix, "")))
    error_message = "`ingest.prefix` must be a folder such as `incoming/`: no leading slash, no empty segment, and only letters, digits and `! _ . = ( ) -`."
  }

  validation {
    condition     = split("/", try(var.ingest.prefix, ""))[0] != "_sluice"
    error_message = "`ingest.prefix` is under the reserved prefix `_sluice/`: choose another prefix."
  }

  validation {
    condition     = try(var.ingest.table.name, null) == null ? true : can(regex("^[A-Za-z0-9_.-]{3,255}$", var.ingest.table.name))
    error_message = "`ingest.table.name` must have 3 to 255 letters, digits and `_ . -`."
  }

  validation {
    condition     = try(var.ingest.table.hash_key, "ArtistID") != try(var.ingest.table.range_key, "ItemID")
    error_message = "`ingest.table.range_key` is the same as the hash key: name another attribute, or set it to \"\" for a table without a range key."
  }

  validation {
    condition     = try(length(var.ingest.table.hash_key), 1) > 0 && !contains(["_source"], try(var.ingest.table.hash_key, "")) && !contains(["_source"], try(var.ingest.table.range_key, ""))
    error_message = "`ingest.table.hash_key` must name an attribute, and neither key may be `_source`, which is reserved for the item's origin."
  }

  validation {
    condition = (
      try(var.ingest.schema_file, null) != null ? true :
      try(var.ingest.table.hash_key, "ArtistID") == "ArtistID" && contains(["ItemID", ""], try(var.ingest.table.range_key, "ItemID"))
    )
    error_message = "the default schema requires the keys ArtistID and ItemID: for a table with other keys, set `ingest.schema_file` to the schema of its items."
  }

  validation {
    condition     = !contains(try(var.ingest.table.replica_regions, []), var.region)
    error_message = "`ingest.table.replica_regions` contains the deployment's own `region`, where the table already is: remove it from the list."
  }

  validation {
    condition     = alltrue([for region in try(var.ingest.table.replica_regions, []) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "`ingest.table.replica_regions` must contain Region codes such as `us-east-2`."
  }

  validation {
    condition     = try(var.ingest.schema_file, null) == null ? true : fileexists(var.ingest.schema_file)
    error_message = "`ingest.schema_file` does not exist: the path is absolute or relative to terraform/, so `../my.schema.json` is a file next to that folder."
  }

  validation {
    condition     = try(var.ingest.schema_file, null) == null ? true : !fileexists(var.ingest.schema_file) ? true : can(keys(jsondecode(file(var.ingest.schema_file))))
    error_message = "`ingest.schema_file` is not a valid JSON object: look for a trailing comma or a missing bracket."
  }

  # Decoded and encoded again, so that neither white space nor escape sequences hide a reference.
  validation {
    condition = alltrue([
      for target in try(regexall("\"\\$(?:dynamicRef|ref)\":\"([^\"]*)\"", jsonencode(jsondecode(file(var.ingest.schema_file)))), []) :
      startswith(target[0], "#")
    ])
    error_message = "`ingest.schema_file` has a `$ref` to another document, which the function does not fetch: copy that definition to `$defs` and refer to it as `#/$defs/name`."
  }

  validation {
    condition     = !can(jsondecode(file(var.ingest.schema_file)).properties._source)
    error_message = "`ingest.schema_file` defines an attribute `_source`, which is reserved for the item's origin: rename it."
  }

  validation {
    condition     = try(var.ingest.max_object_mib, 1) >= 1 && try(var.ingest.max_object_mib, 1) <= 1280
    error_message = "`ingest.max_object_mib` must be between 1 and 1280: a file is validated in memory, and a function has at most 10240 MB."
  }

  validation {
    condition     = length(setsubtract(try(var.ingest.notify_on, []), local.ingest_outcomes)) == 0
    error_message = "`ingest.notify_on` may contain only ${join(", ", local.ingest_outcomes)}."
  }

  validation {
    condition     = alltrue([for email in try(var.ingest.notify_emails, []) : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "`ingest.notify_emails` contains a value that is not a valid email address such as `ops@example.org`."
  }

  validation {
    condition = alltrue([
      for arn in concat(try(var.ingest.uploader_principals, []), try(var.ingest.operator_principals, [])) :
      can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[^*]+)$", arn))
    ])
    error_message = "`ingest.uploader_principals` and `ingest.operator_principals` must contain ARNs of users, roles or accounts (`arn:aws:iam::<account>:role/<name>`) without wildcards; for an assumed-role session, use the ARN of its role."
  }

  # A file is validated in memory, where its text and its parsed form are held at the same time.
  validation {
    condition     = try(var.ingest.max_object_mib, 10) * 8 <= try(var.ingest.memory_mb, 512)
    error_message = "`ingest.memory_mb` must be at least eight times `ingest.max_object_mib`: lower `max_object_mib` (an item has at most 400 KB) or raise `memory_mb`."
  }

  validation {
    condition     = contains(["sse-s3", "sse-kms"], try(var.ingest.encryption, "sse-s3"))
    error_message = "`ingest.encryption` must be `sse-s3` or `sse-kms`."
  }

  validation {
    condition     = try(var.ingest.memory_mb, 512) >= 128 && try(var.ingest.memory_mb, 512) <= 10240
    error_message = "`ingest.memory_mb` must be between 128 and 10240, the limits of Lambda."
  }

  # The visibility timeout is six times the function timeout, and SQS limits it to 12 hours.
  validation {
    condition     = try(var.ingest.timeout_s, 30) >= 3 && try(var.ingest.timeout_s, 30) <= 900
    error_message = "`ingest.timeout_s` must be between 3 and 900: the function reserves 1.5 s for its response, and Lambda ends an invocation after 15 minutes."
  }

  validation {
    condition     = try(var.ingest.batch_size, 10) >= 1 && try(var.ingest.batch_size, 10) <= 10000
    error_message = "`ingest.batch_size` must be between 1 and 10000."
  }

  validation {
    condition     = try(var.ingest.max_concurrency, 10) >= 2 && try(var.ingest.max_concurrency, 10) <= 1000
    error_message = "`ingest.max_concurrency` must be between 2 and 1000, the limits of an event-source mapping."
  }

  validation {
    condition = alltrue([
      for name, shape in {
        function      = "^[A-Za-z0-9_-]{1,64}$"
        function_role = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        uploader_role = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        operator_role = "^[A-Za-z0-9_+=,.@-]{1,64}$"
        topic         = "^[A-Za-z0-9_-]{1,256}$"
        queue         = "^[A-Za-z0-9_-]{1,61}$"
        rule          = "^[A-Za-z0-9_.-]{1,64}$"
      } : try(var.ingest.names[name], null) == null ? true : can(regex(shape, var.ingest.names[name]))
    ])
    error_message = "a name in `ingest.names` is not a valid resource name: use letters, digits, `_` and `-`; function, roles and rule have at most 64 characters, the queue at most 61 (its dead-letter queues add 19), the topic at most 256."
  }
}

locals {
  ingest_outcomes   = ["stored", "redelivered", "duplicate", "conflict", "invalid", "skipped", "gone", "too-large", "unreadable"]
  required_packages = toset(concat(var.ingest == null ? [] : ["ingest"], var.provenance == null ? [] : ["provenance", "ledger"]))
}
