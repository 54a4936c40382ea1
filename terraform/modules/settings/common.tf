# Rules for attributes that have the same meaning in every system, at any depth.

locals {
  ranges = {
    batch_size      = { from = 1, to = 10000, reason = "the limits of an event source mapping" }
    max_concurrency = { from = 2, to = 1000, reason = "the limits of an event source mapping" }
    memory_mb       = { from = 128, to = 10240, reason = "the limits of Lambda" }
  }
  patterns = {
    emails     = { pattern = "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", message = "contains a value that is not a valid email address such as `ops@example.org`." }
    principals = { pattern = "^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[^*]+)$", message = "must contain ARNs of users, roles or accounts (`arn:aws:iam::<account>:role/<name>`) without wildcards; for an assumed-role or IAM Identity Center session, use the ARN of its role." }
  }

  # By the last word of the name, as in `notify_emails`.
  element_pattern = { for path, entry in local.entries : path => regex("[^_]*$", entry.key) }

  common_rules = merge(
    {
      for path, entry in local.entries : "range of ${path}" => {
        valid   = entry.value == null ? true : entry.value >= local.ranges[entry.key].from && entry.value <= local.ranges[entry.key].to
        message = "`${local.shown[path]}` must be between ${local.ranges[entry.key].from} and ${local.ranges[entry.key].to}, ${local.ranges[entry.key].reason}."
      } if contains(keys(local.ranges), entry.key)
    },
    {
      for path, word in local.element_pattern : "elements of ${path}" => {
        valid   = alltrue([for element in coalesce(local.entries[path].value, []) : can(regex(local.patterns[word].pattern, element))])
        message = "`${local.shown[path]}` ${local.patterns[word].message}"
      } if contains(keys(local.patterns), word)
    },
    {
      for path, entry in local.entries : "value of ${path}" => {
        valid   = entry.value == null ? true : contains(["sse-s3", "sse-kms"], entry.value)
        message = "`${local.shown[path]}` must be `sse-s3` or `sse-kms`."
      } if entry.key == "encryption"
    },
  )
}
