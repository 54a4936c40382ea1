# Rules for attributes that have the same meaning in every system, at any depth.

locals {
  values = { for path, value in merge(local.level_1, local.level_2, local.level_3, local.level_4, local.level_5, local.level_6, local.level_7) : trimprefix(path, "known") => value if startswith(path, "known.") }

  ranges = {
    batch_size      = { from = 1, to = 10000, reason = "the limits of an event source mapping" }
    max_concurrency = { from = 2, to = 1000, reason = "the limits of an event source mapping" }
    memory_mb       = { from = 128, to = 10240, reason = "the limits of Lambda" }
  }
  patterns = {
    emails     = { pattern = "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", message = "contains a value that is not a valid email address such as `ops@example.org`." }
    principals = { pattern = "^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[^*]+)$", message = "must contain ARNs of users, roles or accounts (`arn:aws:iam::<account>:role/<name>`) without wildcards; for an assumed-role or IAM Identity Center session, use the ARN of its role." }
  }

  common_rules = merge(
    {
      for path, value in local.values : "range of ${path}" => {
        valid   = value >= local.ranges[local.key[path]].from && value <= local.ranges[local.key[path]].to
        message = "`${local.shown[path]}` must be between ${local.ranges[local.key[path]].from} and ${local.ranges[local.key[path]].to}, ${local.ranges[local.key[path]].reason}."
      } if contains(keys(local.ranges), local.key[path]) && value != null
    },
    {
      for path, value in local.values : "elements of ${path}" => {
        valid   = alltrue([for element in value : can(regex(local.patterns[regex("[^_]*$", path)].pattern, element))])
        message = "`${local.shown[path]}` ${local.patterns[regex("[^_]*$", path)].message}"
      } if contains(keys(local.patterns), regex("[^_]*$", path))
    },
    {
      for path, value in local.values : "value of ${path}" => {
        valid   = contains(["sse-s3", "sse-kms"], value)
        message = "`${local.shown[path]}` must be `sse-s3` or `sse-kms`."
      } if local.key[path] == "encryption"
    },
  )
}
