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
  description = "The KMS key of topics and of buckets with `sse-kms`: its ARN, and the resource and the conditions that limit a statement to this key and to requests through one service."

  type = object({
    # ARN of the key. Its policy must delegate to IAM.
    arn = string
    # Resource of statements: the ARN, or `key/*` with a condition on the alias.
    resource = string
    # Condition for requests through S3: `{ StringEquals = { "kms:ViaService" = ["s3.REGION.amazonaws.com"] } }`.
    via_s3 = map(map(list(string)))
    # The same for SNS.
    via_sns = map(map(list(string)))
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
  description = "What to deploy. `table.hash_key`, `table.range_key` and `schema_file` are required; everything else has a default."
  nullable    = false

  type = object({
    processing_bucket = optional(object({
      # Name of the bucket for uploads; by default `{project}-{environment}-processing-{region}-{account}`.
      name = optional(string)
      # Whether `destroy` may delete the bucket with its objects.
      force_destroy = optional(bool, false)
      # Days after which noncurrent versions expire, at least 15.
      expire_noncurrent_days = optional(number, 30)
    }), {})
    quarantine_bucket = optional(object({
      # Name of the bucket for rejected files; by default `{project}-{environment}-quarantine-{region}-{account}`.
      name = optional(string)
      # Whether `destroy` may delete the bucket with its objects.
      force_destroy = optional(bool, false)
      # Days after which noncurrent versions expire, at least 1.
      expire_noncurrent_days = optional(number, 30)
      # Days after which quarantined files expire, at least 15.
      retention_days = optional(number, 365)
    }), {})
    # Only object keys under this folder are processed; "" processes all. A slash at the end is added.
    prefix = optional(string, "")
    table = optional(object({
      # Name of the table; by default `{project}-{environment}-items`.
      name = optional(string)
      # Required: the attribute that is the partition key, a string.
      hash_key = optional(string)
      # Required: the attribute that is the sort key, a string; "" for a table without one.
      range_key = optional(string)
      # Other Regions with a replica of the table.
      replica_regions = optional(list(string), [])
      # Whether AWS refuses to delete the table.
      deletion_protection = optional(bool, true)
    }), {})
    # Required: path of the JSON Schema 2020-12 of an item in DynamoDB JSON, absolute or relative to the folder in which Terraform runs.
    schema_file = optional(string)
    # Whether `ItemID` must be `UPPER(EntityType)#Title` without spaces.
    check_item_id = optional(bool, false)
    # Files that are larger are invalid; 1 to 1280 MiB, at most an eighth of `memory_mb`.
    max_object_mib = optional(number, 10)
    # Outcomes of which `notify_emails` are notified.
    notify_on = optional(list(string), ["invalid", "conflict", "too-large", "unreadable"])
    # Email addresses for notifications, known at plan; each gets a confirmation link.
    notify_emails = optional(list(string), [])
    # ARNs of users or roles that may assume the uploader role; without principals and user it is not created.
    uploader_principals = optional(list(string), [])
    # Name of an IAM user to create, known at plan, who may do nothing but assume the uploader role.
    uploader_user = optional(string)
    # ARNs of users or roles that may assume the operator role; if empty, it is not created.
    operator_principals = optional(list(string), [])
    # Encryption of both buckets: `sse-s3` or `sse-kms`.
    encryption = optional(string, "sse-s3")
    # Memory of the function in MB.
    memory_mb = optional(number, 512)
    # Timeout of the function in seconds, 3 to 900.
    timeout_s = optional(number, 30)
    # Maximum number of events in an invocation.
    batch_size = optional(number, 10)
    # Maximum number of concurrent invocations.
    max_concurrency = optional(number, 10)
    # Names of other resources; the defaults are `{project}-{environment}-ingest…`.
    names = optional(object({
      # Lambda function, and its log group.
      function = optional(string)
      # Role of the function.
      function_role = optional(string)
      # Role for uploads.
      uploader_role = optional(string)
      # Role for managing quarantine and dead letters.
      operator_role = optional(string)
      # Topic for notifications.
      topic = optional(string)
      # Queue for events; the names of its dead-letter queues begin with it.
      queue = optional(string)
      # EventBridge rule.
      rule = optional(string)
    }), {})
  })
}

variable "package" {
  description = "Deployment package of the function `ingest`, as written by `scripts/package`."
  type        = object({ path = string, sha256 = string })
}

variable "records" {
  description = "Object ARNs under which the operator role writes operator records, if `provenance` watches a bucket of this system; null otherwise."
  type        = object({ resources = list(string), encrypted = bool })
  default     = null
}

variable "watched" {
  description = "Buckets that other systems watch: `ingest` (the processing bucket) or `quarantine`, which then sends its events to EventBridge."
  type        = list(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.watched, ["ingest", "quarantine"])) == 0
    error_message = "`watched` may contain only `ingest` and `quarantine`."
  }
}
