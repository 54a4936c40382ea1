variable "project" {
  description = "First part of every resource name."
  type        = string
  default     = "sluice"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project))
    error_message = "`project` is not a valid name part: use lower-case letters, digits and single hyphens, starting with a letter."
  }
}

variable "environment" {
  description = "Second part of every resource name, for example dev, staging or prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.environment))
    error_message = "`environment` is not a valid name part: use lower-case letters, digits and single hyphens."
  }
}

variable "region" {
  description = "Region of the deployment, for comparison: that of the provider is used, and another one is refused."
  type        = string
  default     = null

  validation {
    condition     = var.region == null ? true : var.region == data.aws_region.this.id
    error_message = "`region` is `${coalesce(var.region, "-")}`, but the provider is configured for `${data.aws_region.this.id}`: pass a provider for that Region with `providers`, or remove `region`."
  }
}

variable "account_id" {
  description = "AWS account ID of this deployment. If set, a first `plan` makes no AWS calls; if null, it is read from the credentials."
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null ? true : can(regex("^[0-9]{12}$", var.account_id))
    error_message = "`account_id` must be the 12-digit account ID, quoted so that leading zeros are kept, or null."
  }
}

variable "regional_names" {
  description = "Whether the default names of what all Regions of an account share (roles) end in the Region. Set it if an account has several deployments with the same project and environment."
  type        = bool
  default     = false
  nullable    = false
}

variable "architecture" {
  description = "Instruction set architecture of the Lambda functions and their packages: x86_64 or arm64."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "`architecture` must be `x86_64` or `arm64`, and the Lambda packages must be built for it."
  }
}

variable "log_retention_days" {
  description = "Retention of the Lambda log groups, in days."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "`log_retention_days` must be a retention period that CloudWatch Logs supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary for every IAM role of the deployment."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "`permissions_boundary` must be the ARN of a managed policy, such as `arn:aws:iam::<account>:policy/<name>`."
  }
}

variable "role_path" {
  description = "IAM path of every role of the deployment."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9._+=,@-]+/)*$", var.role_path))
    error_message = "`role_path` must begin and end with a slash, such as `/` or `/team/`."
  }
}

variable "kms_key_arn" {
  description = "ARN of an existing KMS key for the SNS topics and for buckets with encryption = \"sse-kms\". Its key policy must delegate to IAM and must allow cloudwatch.amazonaws.com, and cloudtrail.amazonaws.com if `provenance` uses sse-kms. If null, a key is created."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:${data.aws_region.this.id}:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "`kms_key_arn` must be the ARN of a key (not of an alias) in the Region of the provider, such as `arn:aws:kms:<region>:<account>:key/<id>`."
  }
}

variable "lambda_packages" {
  description = "Lambda packages (zip files) by function name, as written by `scripts/package`. Paths are absolute or relative to the folder in which Terraform runs."
  type        = map(object({ path = string, sha256 = string, architecture = optional(string) }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in local.required_packages : contains(concat(keys(var.lambda_packages), keys(local.file_packages)), name)])
    error_message = "`lambda_packages` lacks `${join("`, `", setsubtract(local.required_packages, concat(keys(var.lambda_packages), keys(local.file_packages))))}`: run `scripts/package`, and pass the file that it writes with -var-file or as `lambda_packages_file`."
  }

  validation {
    condition     = alltrue([for package in var.lambda_packages : fileexists(package.path)])
    error_message = "`lambda_packages` names ${join(", ", [for package in var.lambda_packages : "`${package.path}`" if !fileexists(package.path)])}, which does not exist: run `scripts/package`."
  }

  validation {
    condition     = alltrue([for package in var.lambda_packages : fileexists(package.path) ? filesha256(package.path) == package.sha256 : true])
    error_message = "a zip file in `lambda_packages` does not match its `sha256`: run `scripts/package` again."
  }

  # Lambda accepts a package for the wrong architecture, and then every invocation fails.
  validation {
    condition = alltrue([
      for name in local.required_packages : try(coalesce(merge(local.file_packages, var.lambda_packages)[name].architecture, var.architecture), var.architecture) == var.architecture
    ])
    error_message = "${join(", ", [
      for name in local.required_packages : "the package of `${name}` is built for `${merge(local.file_packages, var.lambda_packages)[name].architecture}`"
      if try(coalesce(merge(local.file_packages, var.lambda_packages)[name].architecture, var.architecture), var.architecture) != var.architecture
    ])}, but `architecture` is `${var.architecture}`: run `scripts/package --target ${var.architecture == "arm64" ? "aarch64" : "x86_64"}-unknown-linux-gnu`, or set `architecture` to the architecture of the packages."
  }
}

variable "lambda_packages_file" {
  description = "Path of `lambda_packages.auto.tfvars.json`, which `scripts/package` writes to dist/, instead of `lambda_packages`. The zip files are next to it."
  type        = string
  default     = null

  validation {
    condition     = var.lambda_packages_file == null ? true : try(fileexists(var.lambda_packages_file), false)
    error_message = "`lambda_packages_file` does not exist: run `scripts/package`, which writes dist/lambda_packages.auto.tfvars.json."
  }

  validation {
    condition     = var.lambda_packages_file == null ? true : alltrue([for package in try(jsondecode(file(var.lambda_packages_file)).lambda_packages, {}) : try(filesha256("${dirname(var.lambda_packages_file)}/${basename(package.path)}") == package.sha256, false)])
    error_message = "a zip file that `lambda_packages_file` lists is not next to it, or does not match its `sha256`: run `scripts/package` again."
  }
}

variable "allow_destroy" {
  description = "Removes the deletion protection of the table and lets `destroy` empty the buckets, overriding the settings in `ingest` and `provenance`. Apply with it first, then destroy."
  type        = bool
  default     = false
  nullable    = false
}

variable "alarm_emails" {
  description = "Email addresses that receive alarms, known at plan. AWS sends each address a confirmation link."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "`alarm_emails` contains a value that is not a valid email address such as `ops@example.org`."
  }
}

variable "ingest" {
  description = "Validates JSON files uploaded to an S3 bucket, stores each as one DynamoDB item or moves it to quarantine, and sends notifications. The attributes are those of `settings` in the module `ingest`; null disables the system."
  type        = any
  default     = null

  validation {
    condition     = var.ingest == null || can(keys(var.ingest))
    error_message = "`ingest` must be an object with the attributes of `settings` in modules/ingest, or null."
  }
}

variable "provenance" {
  description = "Writes a receipt with the SHA-256 of every object version and an hourly signed manifest of the receipts, and records with CloudTrail and Athena who accessed which object, when and from where. The attributes are those of `settings` in the module `provenance`; null disables the system."
  type        = any
  default     = null

  validation {
    condition     = var.provenance == null || can(keys(var.provenance))
    error_message = "`provenance` must be an object with the attributes of `settings` in modules/provenance, such as `{}`, or null."
  }
}

locals {
  required_packages = toset(concat(var.ingest == null ? [] : ["ingest"], var.provenance == null ? [] : ["provenance", "ledger"]))
}
