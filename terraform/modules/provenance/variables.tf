variable "deployment" {
  description = "Names and settings that all systems of a deployment share; the module `deployment` builds it."

  type = object({
    # First part of the default names, such as `shop-dev`.
    name = string
    # Last part of the default names of buckets, without a hyphen before it: Region and account.
    bucket_suffix = string
    # Appended to the default names of roles, with a hyphen before it; "" for none.
    role_suffix = string
    # Partition of AWS, such as `aws`.
    partition = string
    # Region of the provider.
    region = string
    # Account of the provider.
    account_id = string
    # `x86_64` or `arm64`, as the packages.
    architecture = string
    # Retention of the log groups, in days.
    log_retention_days = number
    # IAM path of every role, such as `/`.
    role_path = string
    # ARN of the permissions boundary of every role.
    permissions_boundary = optional(string)
    # Whether buckets and tables may be deleted with what they contain.
    allow_destroy = bool
  })
}

variable "key" {
  description = "The KMS key of buckets with `sse-kms`: its ARN, the resource and the condition that limit a statement to this key and to requests through S3, and the statement of key policies that allows the account to administer a key."

  type = object({
    # ARN of the key. Its policy must delegate to IAM.
    arn = string
    # Resource of statements: the ARN, or `key/*` with a condition on the alias.
    resource = string
    # Condition for requests through S3: `{ StringEquals = { "kms:ViaService" = ["s3.REGION.amazonaws.com"] } }`.
    via_s3 = map(map(list(string)))
    # Statement of key policies that allows the account to administer a key.
    administration = object({ Sid = string, Effect = string, Principal = map(string), Action = list(string), Resource = string })
  })

  validation {
    condition     = var.key.arn != null && var.key.resource != null
    error_message = "`key` needs the ARN and the resource of a KMS key: without them, buckets and topics would not be encrypted with it."
  }
}

variable "alarm_topic_arn" {
  description = "ARN of the SNS topic to which alarms publish."
  type        = string
}

variable "written" {
  description = "The same object as `settings`. Its attributes are compared with those of the type, which drops what it does not have."
  type        = any
}

variable "settings" {
  description = "What to deploy. Everything has a default."
  nullable    = false

  type = object({
    data_bucket = optional(object({
      # Name of the bucket for data; by default `{project}-{environment}-data-{region}-{account}`.
      name = optional(string)
      # Whether `destroy` may delete the bucket with its objects.
      force_destroy = optional(bool, false)
      # Days after which noncurrent versions expire, at least 15; null keeps them permanently.
      expire_noncurrent_days = optional(number)
      # Folders that `sluice bootstrap --markers` creates in addition to `prefixes`.
      folders = optional(list(string), ["processed/", "test/"])
    }), {})
    # Folders of the data bucket whose objects get receipts. A slash at the end is added.
    prefixes = optional(list(string), ["incoming/"])
    # Other buckets of the deployment whose objects get receipts: `ingest` is its processing bucket, `quarantine` its quarantine bucket.
    watch = optional(list(string), [])
    # The same as `watch = ["ingest"]`.
    watch_ingest = optional(bool, false)
    receipts_bucket = optional(object({
      # Name of the bucket for receipts; by default `{project}-{environment}-receipts-{region}-{account}`.
      name = optional(string)
      # Whether receipts are stored in the data bucket instead, under `provenance/`, `operator/`, `journal/` and `ledger/`.
      in_data_bucket = optional(bool, false)
      # Whether `destroy` may delete the bucket with its objects.
      force_destroy = optional(bool, false)
      object_lock = optional(object({
        # `GOVERNANCE` or `COMPLIANCE`.
        mode = optional(string)
        # Days for which a new version is locked, 1 to 36500.
        days = optional(number)
      }))
      # Days after which journal entries expire, at least 3.
      journal_days = optional(number, 30)
    }), {})
    # Whether writes to the receipts bucket that could replace an object are denied.
    write_once = optional(bool, true)
    trail = optional(object({
      # Name of the bucket for CloudTrail logs; by default `{project}-{environment}-trail-{region}-{account}`.
      bucket_name = optional(string)
      # Whether `destroy` may delete the bucket with its objects.
      force_destroy = optional(bool, false)
      # Days after which logs expire.
      retention_days = optional(number, 365)
      # Whether management events are logged too, such as `CreateBucket` and `PutBucketPolicy`. CloudTrail cannot select one service, so this includes those of all services except KMS and the RDS Data API; the views show those of S3.
      management_events = optional(bool, false)
    }), {})
    athena = optional(object({
      # Name of the bucket for query results; by default `{project}-{environment}-queries-{region}-{account}`.
      bucket_name = optional(string)
      # Maximum amount of data that one query may scan, in MiB, at least 10.
      scan_limit_mib = optional(number, 10240)
      # Days after which query results expire.
      results_days = optional(number, 30)
    }), {})
    # ARNs of users or roles that may assume the uploader role; if empty, it is not created.
    uploader_principals = optional(list(string), [])
    # ARNs of users or roles that may assume the auditor role; if empty, it is not created.
    auditor_principals = optional(list(string), [])
    # ARNs of users or roles that may assume the operator role; if empty, it is not created.
    operator_principals = optional(list(string), [])
    # Encryption of all buckets of this system and of the trail: `sse-kms` or `sse-s3`.
    encryption = optional(string, "sse-kms")
    # Memory of each function in MB.
    memory_mb = optional(number, 256)
    # Timeout of each function in seconds, 60 to 900.
    timeout_s = optional(number, 900)
    # Maximum number of events in an invocation.
    batch_size = optional(number, 4)
    # Maximum number of concurrent invocations.
    max_concurrency = optional(number, 10)
    # Names of other resources; the defaults are `{project}-{environment}-provenance…` and `{project}-{environment}-ledger`.
    names = optional(object({
      # Lambda function that writes receipts, and its log group.
      function = optional(string)
      # Role of that function.
      function_role = optional(string)
      # Lambda function that signs manifests, and its log group.
      ledger_function = optional(string)
      # Role of that function.
      ledger_role = optional(string)
      # Role for uploads.
      uploader_role = optional(string)
      # Role for verification and queries.
      auditor_role = optional(string)
      # Role for completing receipts and managing dead letters.
      operator_role = optional(string)
      # Queue for events; the names of its dead-letter queues begin with it.
      queue = optional(string)
      # EventBridge rule; those of `watch` add a suffix.
      rule = optional(string)
      # EventBridge rule that runs the ledger.
      schedule = optional(string)
      # Alias of the signing key, without `alias/`.
      signing_key = optional(string)
      # CloudTrail trail.
      trail = optional(string)
      # Glue database.
      database = optional(string)
      # Athena workgroup.
      workgroup = optional(string)
    }), {})
  })
}

variable "packages" {
  description = "Deployment packages of the functions `provenance` and `ledger`, as written by `scripts/package`."

  type = object({
    provenance = object({ path = string, sha256 = string })
    ledger     = object({ path = string, sha256 = string })
  })
}

variable "buckets" {
  description = "Buckets of other systems that `settings.watch` may name, as in their output `buckets`."
  type        = map(object({ bucket = string, prefixes = list(string), encrypted = bool, moved_to = optional(string) }))
  default     = {}
}
