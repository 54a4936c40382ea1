# What every system shares. Each system has a file of its own: variables_<system>.tf.

variable "project" {
  description = "First part of every name."
  type        = string
  default     = "sluice"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project))
    error_message = "`project` is the first part of every name: lower-case letters, digits and single hyphens, starting with a letter."
  }
}

variable "environment" {
  description = "Second part of every name: dev, staging, prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.environment))
    error_message = "`environment` is the second part of every name: lower-case letters, digits and single hyphens."
  }

  validation {
    condition     = length(var.project) + length(var.environment) <= 23
    error_message = "`project` and `environment` together may have 23 characters: `{project}-{environment}-quarantine-{region}-{account}` must fit the 63 of a bucket's name. Shorten one."
  }
}

variable "region" {
  description = "The one region of this deployment. For another region, apply again with its own state and environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "`region` must be a region's code such as `eu-central-1`, not an availability zone or a name."
  }
}

variable "account_id" {
  description = "The account of this deployment. Given, a first `plan` asks nothing of AWS; left out, it is read from the credentials."
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null ? true : can(regex("^[0-9]{12}$", var.account_id))
    error_message = "`account_id` must be the account's 12 digits, in quotes so that leading zeros stay, or be left out."
  }
}

variable "architecture" {
  description = "Of the Lambda packages: x86_64 or arm64."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "`architecture` must be `x86_64` or `arm64`, and the packages built for it."
  }
}

variable "tags" {
  description = "Tags of every resource, besides Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "a tag in `tags` starts with `aws:`, which AWS keeps for itself: rename it."
  }
}

variable "log_retention_days" {
  type     = number
  default  = 30
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "`log_retention_days` must be a value CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role made here."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "`permissions_boundary` must be the ARN of a managed policy: `arn:aws:iam::<account>:policy/<name>`."
  }
}

variable "role_path" {
  description = "IAM path of every role made here."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9._+=,@-]+/)*$", var.role_path))
    error_message = "`role_path` must begin and end with a slash: `/` or `/team/`."
  }
}

variable "kms_key_arn" {
  description = "Your own key for topics and sse-kms buckets. Its policy must let IAM decide and let cloudwatch.amazonaws.com use it, and cloudtrail.amazonaws.com for a provenance with sse-kms. Left out, one is made."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:${var.region}:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "`kms_key_arn` must be the ARN of a key (not of an alias) in `region`: `arn:aws:kms:<region>:<account>:key/<id>`."
  }
}

variable "lambda_packages" {
  description = "The zips, by function; `scripts/package` makes them and writes this. Paths are absolute or relative to terraform/."
  type        = map(object({ path = string, sha256 = string, architecture = optional(string) }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in local.required_packages : contains(keys(var.lambda_packages), name)])
    error_message = "`lambda_packages` lacks `${join("`, `", setsubtract(local.required_packages, keys(var.lambda_packages)))}`: run `scripts/package` and pass the variables file it writes with -var-file."
  }

  validation {
    condition     = alltrue([for package in var.lambda_packages : fileexists(package.path)])
    error_message = "`lambda_packages` names ${join(", ", [for package in var.lambda_packages : "`${package.path}`" if !fileexists(package.path)])}, which does not exist: run `scripts/package`."
  }

  validation {
    condition     = alltrue([for package in var.lambda_packages : fileexists(package.path) ? filesha256(package.path) == package.sha256 : true])
    error_message = "a zip in `lambda_packages` is not the one its `sha256` names: run `scripts/package` again."
  }

  # Lambda would take the zip, and fail at each invocation.
  validation {
    condition = alltrue([
      for name in local.required_packages : try(coalesce(var.lambda_packages[name].architecture, var.architecture), var.architecture) == var.architecture
    ])
    error_message = "${join(", ", [
      for name in local.required_packages : "the package of `${name}` is built for `${var.lambda_packages[name].architecture}`"
      if try(coalesce(var.lambda_packages[name].architecture, var.architecture), var.architecture) != var.architecture
    ])}, but `architecture` is `${var.architecture}`: run `scripts/package --target ${var.architecture == "arm64" ? "aarch64" : "x86_64"}-unknown-linux-gnu`, or set `architecture` to what the packages are built for."
  }
}

variable "allow_destroy" {
  description = "Lifts the table's deletion protection and lets `destroy` delete what is in the buckets, whatever `ingest` and `provenance` say. Apply it, then destroy."
  type        = bool
  default     = false
  nullable    = false
}

variable "alarm_emails" {
  description = "Who is told of alarms. Each address gets a mail with a link to confirm."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "`alarm_emails` holds something that is not an address like `ops@example.org`."
  }
}
