# The names that AWS accepts, and that two resources of one kind do not share a name.

locals {
  kinds = {
    bucket         = { pattern = "^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", rule = "3 to 63 lower-case letters, digits and hyphens (a dot would break TLS connections)" }
    database       = { pattern = "^[a-z0-9_]{1,255}$", rule = "1 to 255 lower-case letters, digits and `_`" }
    function       = { pattern = "^[A-Za-z0-9_-]{1,64}$", rule = "1 to 64 letters, digits, `_` and `-`" }
    key_alias      = { pattern = "^alias/[A-Za-z0-9/_-]{1,250}$", rule = "1 to 250 letters, digits, `/`, `_` and `-`, written without `alias/`" }
    consumer_queue = { pattern = "^[A-Za-z0-9_-]{1,61}$", rule = "1 to 61 letters, digits, `_` and `-`, because its dead-letter queues add 19" }
    queue          = { pattern = "^[A-Za-z0-9_-]{1,80}$", rule = "1 to 80 letters, digits, `_` and `-`" }
    role           = { pattern = "^[A-Za-z0-9_+=,.@-]{1,64}$", rule = "1 to 64 letters, digits and `_+=,.@-`" }
    rule           = { pattern = "^[A-Za-z0-9_.-]{1,64}$", rule = "1 to 64 letters, digits, `_`, `.` and `-`" }
    table          = { pattern = "^[A-Za-z0-9_.-]{3,255}$", rule = "3 to 255 letters, digits, `_`, `.` and `-`" }
    topic          = { pattern = "^[A-Za-z0-9_-]{1,256}$", rule = "1 to 256 letters, digits, `_` and `-`" }
    trail          = { pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$", rule = "3 to 128 letters, digits, `_`, `.` and `-`, with a letter or digit at both ends" }
    user           = { pattern = "^[A-Za-z0-9_+=,.@-]{1,64}$", rule = "1 to 64 letters, digits and `_+=,.@-`" }
    workgroup      = { pattern = "^[A-Za-z0-9._-]{1,128}$", rule = "1 to 128 letters, digits, `_`, `.` and `-`" }
  }

  kind_text = { for kind, _ in local.kinds : kind => replace(replace(kind, "consumer_", ""), "_", " ") }

  name_rules = {
    for label, resource in var.names : "name of ${label}" => {
      valid   = can(regex(local.kinds[resource.kind].pattern, resource.name))
      message = "the ${local.kind_text[resource.kind]} name `${resource.name}` with ${length(resource.name)} characters is not valid, it must have ${local.kinds[resource.kind].rule}: set `${var.system}.${resource.attribute}`, or shorten `project` or `environment` for the default name."
    }
  }

  # In us-east-1 S3 answers the second creation of a bucket with 200, so both resources would manage the same bucket.
  # One rule for each pair, so that a name that is not known before the apply hides no other fault.
  labels = keys(var.names)
  same_name_rules = merge([
    for number, label in local.labels : {
      for other in slice(local.labels, number + 1, length(local.labels)) : "names of ${label} and ${other}" => {
        valid   = var.names[label].name != var.names[other].name
        message = "two resources of kind ${local.kind_text[var.names[label].kind]} have the same name: set different names in ${join(" and ", distinct([for resource in [var.names[label], var.names[other]] : "`${var.system}.${resource.attribute}`"]))}."
      } if var.names[label].kind == var.names[other].kind
    }
  ]...)
}
