# Types, defaults and validation are in modules/deployment; null means the default there.

variable "project" {
  description = "First part of every resource name; by default `sluice`."
  type        = string
  default     = null
}

variable "environment" {
  description = "Second part of every resource name, for example dev, staging or prod."
  type        = string
}

variable "region" {
  description = "AWS Region of this deployment, such as `eu-central-1`."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "`region` must be a Region code such as `eu-central-1`, not an Availability Zone or a display name."
  }
}

variable "account_id" {
  description = "AWS account ID of this deployment. If set, a first `plan` makes no AWS calls; if null, it is read from the credentials."
  type        = string
  default     = null
}

variable "regional_names" {
  description = "Whether role names end in the Region, so that an account can have the same deployment in several Regions."
  type        = bool
  default     = null
}

variable "architecture" {
  description = "Instruction set architecture of the Lambda functions and their packages: x86_64 (default) or arm64."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for every resource, in addition to Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "a tag key in `tags` starts with `aws:`, which is reserved by AWS: rename it."
  }
}

variable "log_retention_days" {
  description = "Retention of the Lambda log groups, in days; 30 by default."
  type        = number
  default     = null
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary for every IAM role of the deployment."
  type        = string
  default     = null
}

variable "role_path" {
  description = "IAM path of every role of the deployment; `/` by default."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "ARN of an existing KMS key for the SNS topics and for buckets with sse-kms; if null, a key is created."
  type        = string
  default     = null
}

variable "lambda_packages" {
  description = "Lambda packages (zip files) by function name, as written by `scripts/package`."
  type        = any
  default     = null
}

variable "allow_destroy" {
  description = "Removes the deletion protection of the table and lets `destroy` empty the buckets. Apply with it first, then destroy."
  type        = bool
  default     = null
}

variable "alarm_emails" {
  description = "Email addresses that receive alarms. AWS sends each address a confirmation link."
  type        = list(string)
  default     = null
}

variable "ingest" {
  description = "Validates JSON files and stores them as items or moves them to quarantine: see modules/ingest. null disables the system."
  type        = any
  default     = null
}

variable "provenance" {
  description = "Writes receipts and signed manifests, and an audit trail: see modules/provenance. null disables the system."
  type        = any
  default     = null
}
