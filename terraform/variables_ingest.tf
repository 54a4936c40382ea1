variable "ingest" {
  description = <<-TEXT
    JSON dropped in a bucket is validated, stored once in DynamoDB or moved to quarantine, and people are told.
    null = off. Every attribute may be left out: `ingest = {}` is a whole system.

    prefix                 only keys under it are taken; "" = all
    table.range_key        "" = the table has none
    schema_file            JSON Schema 2020-12 of your items as DynamoDB JSON; relative to terraform/ or absolute
    check_item_id          also demand that ItemID is UPPER(EntityType)#Title without blanks
    notify_on              the ends that are mailed to notify_emails
    *_principals           ARNs of users or roles that may assume the role; none = no role
    encryption             of both buckets: sse-s3 or sse-kms
    names                  of existing things to keep; left out, {project}-{environment}-{component}
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
    error_message = "a bucket's name in `ingest` must have 3 to 63 lower-case letters, digits and hyphens (a dot would break TLS to the bucket)."
  }

  # One bucket under two names of state: AWS answers the second creation in us-east-1 with 200.
  validation {
    condition = (
      coalesce(try(var.ingest.processing_bucket.name, null), "${local.name}-processing-${local.bucket_suffix}") !=
      coalesce(try(var.ingest.quarantine_bucket.name, null), "${local.name}-quarantine-${local.bucket_suffix}")
    )
    error_message = "`ingest.processing_bucket.name` and `ingest.quarantine_bucket.name` are the same bucket: give the quarantine a name of its own."
  }

  # A dead letter lives 14 days and names a version; EventBridge may have held it for a day before.
  validation {
    condition     = try(var.ingest.processing_bucket.expire_noncurrent_days, 30) >= 15
    error_message = "`ingest.processing_bucket.expire_noncurrent_days` must be at least 15: a version has to outlive the dead letter that names it (14 days, after up to one day in EventBridge)."
  }

  validation {
    condition     = try(var.ingest.quarantine_bucket.expire_noncurrent_days, 1) >= 1 && try(var.ingest.quarantine_bucket.retention_days, 15) >= 15
    error_message = "`ingest.quarantine_bucket` needs `expire_noncurrent_days` of at least 1 and `retention_days` of at least 15, so that a redelivered event still finds what it moved."
  }

  validation {
    condition     = can(regex("^([A-Za-z0-9!_.=()-]+(/[A-Za-z0-9!_.=()-]+)*/?)?$", try(var.ingest.prefix, "")))
    error_message = "`ingest.prefix` must be a folder such as `incoming/`: no slash in front, no empty part, and only letters, digits and `! _ . = ( ) -`."
  }

  validation {
    condition     = split("/", try(var.ingest.prefix, ""))[0] != "_sluice"
    error_message = "`ingest.prefix` is under `_sluice/`, where the project keeps its own files: choose another."
  }

  validation {
    condition     = try(var.ingest.table.name, null) == null ? true : can(regex("^[A-Za-z0-9_.-]{3,255}$", var.ingest.table.name))
    error_message = "`ingest.table.name` must have 3 to 255 letters, digits and `_ . -`."
  }

  validation {
    condition     = try(var.ingest.table.hash_key, "ArtistID") != try(var.ingest.table.range_key, "ItemID")
    error_message = "`ingest.table.range_key` is the hash key: name another attribute, or set it to \"\" for a table without one."
  }

  validation {
    condition     = try(length(var.ingest.table.hash_key), 1) > 0 && !contains(["_source"], try(var.ingest.table.hash_key, "")) && !contains(["_source"], try(var.ingest.table.range_key, ""))
    error_message = "`ingest.table.hash_key` must name an attribute, and neither key may be `_source`, which holds an item's origin."
  }

  validation {
    condition = (
      try(var.ingest.schema_file, null) != null ? true :
      try(var.ingest.table.hash_key, "ArtistID") == "ArtistID" && contains(["ItemID", ""], try(var.ingest.table.range_key, "ItemID"))
    )
    error_message = "the default schema has the keys ArtistID and ItemID: a table with other keys needs `ingest.schema_file`, the schema of its items."
  }

  validation {
    condition     = !contains(try(var.ingest.table.replica_regions, []), var.region)
    error_message = "`ingest.table.replica_regions` holds the table's own region: leave `region` out of it, the table is there already."
  }

  validation {
    condition     = alltrue([for region in try(var.ingest.table.replica_regions, []) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "`ingest.table.replica_regions` must hold codes of regions such as `us-east-2`."
  }

  validation {
    condition     = try(var.ingest.schema_file, null) == null ? true : fileexists(var.ingest.schema_file)
    error_message = "`ingest.schema_file` does not exist: its path is absolute or relative to terraform/, so `../my.schema.json` is a file beside that folder."
  }

  validation {
    condition     = try(var.ingest.schema_file, null) == null ? true : !fileexists(var.ingest.schema_file) ? true : can(keys(jsondecode(file(var.ingest.schema_file))))
    error_message = "`ingest.schema_file` is not a JSON object: look for a trailing comma or a missing bracket."
  }

  # Decoded and encoded again, so that neither blanks nor escapes hide a reference.
  validation {
    condition = alltrue([
      for target in try(regexall("\"\\$(?:dynamicRef|ref)\":\"([^\"]*)\"", jsonencode(jsondecode(file(var.ingest.schema_file)))), []) :
      startswith(target[0], "#")
    ])
    error_message = "`ingest.schema_file` has a `$ref` that leaves the file: the function fetches nothing, so copy what it points at under `$defs` and refer to it as `#/$defs/name`."
  }

  validation {
    condition     = !can(jsondecode(file(var.ingest.schema_file)).properties._source)
    error_message = "`ingest.schema_file` has an attribute `_source`, which holds an item's origin: rename it."
  }

  validation {
    condition     = try(var.ingest.max_object_mib, 1) >= 1 && try(var.ingest.max_object_mib, 1) <= 1280
    error_message = "`ingest.max_object_mib` must be between 1 and 1280: a file is held whole while it is judged, and a function has at most 10240 MB."
  }

  validation {
    condition     = length(setsubtract(try(var.ingest.notify_on, []), local.ingest_outcomes)) == 0
    error_message = "`ingest.notify_on` may hold ${join(", ", local.ingest_outcomes)}."
  }

  validation {
    condition     = alltrue([for email in try(var.ingest.notify_emails, []) : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "`ingest.notify_emails` holds something that is not an address like `ops@example.org`."
  }

  validation {
    condition = alltrue([
      for arn in concat(try(var.ingest.uploader_principals, []), try(var.ingest.operator_principals, [])) :
      can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[^*]+)$", arn))
    ])
    error_message = "`ingest.uploader_principals` and `ingest.operator_principals` hold ARNs of users, roles or accounts (`arn:aws:iam::<account>:role/<name>`), without wildcards; for an assumed-role session, name its role."
  }

  # A file is held whole while it is judged, beside what its parsed form takes.
  validation {
    condition     = try(var.ingest.max_object_mib, 10) * 8 <= try(var.ingest.memory_mb, 512)
    error_message = "`ingest.max_object_mib` times eight must fit in `ingest.memory_mb`: lower the one (an item has at most 400 KB) or raise the other."
  }

  validation {
    condition     = contains(["sse-s3", "sse-kms"], try(var.ingest.encryption, "sse-s3"))
    error_message = "`ingest.encryption` must be `sse-s3` or `sse-kms`."
  }

  validation {
    condition     = try(var.ingest.memory_mb, 512) >= 128 && try(var.ingest.memory_mb, 512) <= 10240
    error_message = "`ingest.memory_mb` must be between 128 and 10240, Lambda's limits."
  }

  # Visibility is six times the timeout, and a queue's visibility ends at 12 hours.
  validation {
    condition     = try(var.ingest.timeout_s, 30) >= 3 && try(var.ingest.timeout_s, 30) <= 900
    error_message = "`ingest.timeout_s` must be between 3 and 900: the function keeps 1.5 s back for its answer, Lambda stops at 15 minutes, and the queue hides a message six times as long."
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
    error_message = "a name in `ingest.names` is not one AWS takes: letters, digits, `_` and `-`; function, roles and rule up to 64, queue up to 61 (its dead-letter queues add 19), topic up to 256."
  }
}

locals {
  ingest_outcomes   = ["stored", "redelivered", "duplicate", "conflict", "invalid", "skipped", "gone", "too-large", "unreadable"]
  required_packages = toset(concat(var.ingest == null ? [] : ["ingest"], var.provenance == null ? [] : ["provenance", "ledger"]))
}
