# Checked before anything is planned: unknown attributes, names, and the conditions below, each with the message for the
# case that it is false.

locals {
  outcomes    = ["stored", "redelivered", "duplicate", "conflict", "invalid", "skipped", "gone", "too-large", "unreadable"]
  schema_text = try(file(var.settings.schema_file), "{}")
  # Decoded and encoded again, so that neither white space nor escape sequences hide a reference.
  schema_references = try(regexall("\"\\$(?:dynamicRef|ref)\":\"([^\"]*)\"", jsonencode(jsondecode(local.schema_text))), [])
}

module "settings" {
  source = "../settings"

  system   = "ingest"
  written  = var.written
  settings = var.settings

  former = {
    "processing_bucket.versioning" = "versioning is always enabled; remove it"
    "quarantine_bucket.versioning" = "versioning is always enabled; remove it"
    "processing_bucket.region"     = "a deployment has one Region, that of the provider; remove it"
    "quarantine_bucket.region"     = "a deployment has one Region, that of the provider; remove it"
    "table.billing_mode"           = "billing is always on demand; remove it"
  }

  names = merge(local.names, var.settings.uploader_user == null ? {} : { uploader_user = { kind = "user", attribute = "uploader_user", name = var.settings.uploader_user } })

  rules = {
    "`ingest.table.hash_key` is not given: name the attribute of an item that is the table's partition key, such as `OrderID`." = var.settings.table.hash_key != null

    "`ingest.table.range_key` is not given: name the attribute of an item that is the table's sort key, or set it to \"\" for a table without one." = var.settings.table.range_key != null

    "`ingest.schema_file` is not given: set the path of a JSON Schema for items, such as the one in the README of modules/ingest." = var.settings.schema_file != null

    "`ingest.schema_file` does not exist or is not a file: the path is absolute, or relative to the folder in which Terraform runs." = var.settings.schema_file == null ? true : try(fileexists(var.settings.schema_file), false)

    "`ingest.schema_file` is not a valid JSON object: look for a trailing comma or a missing bracket." = can(keys(jsondecode(local.schema_text)))

    "`ingest.schema_file` has a `$ref` to another document, which the function does not fetch: copy that definition to `$defs` and refer to it as `#/$defs/name`." = alltrue([for target in local.schema_references : startswith(target[0], "#")])

    "`ingest.schema_file` defines an attribute `_source`, which is reserved for the item's origin: rename it." = !can(jsondecode(local.schema_text).properties._source)

    "`ingest.schema_file` describes attributes as plain JSON, so it would accept no file: items are DynamoDB JSON, in which a text is { \"S\": \"text\" } and a number is { \"N\": \"1\" }." = alltrue([for attribute in values(try(jsondecode(local.schema_text).properties, {})) : !contains(["array", "boolean", "integer", "null", "number", "string"], try(attribute.type, "object"))])

    "`ingest.table.hash_key` is empty: name an attribute." = var.settings.table.hash_key != ""

    "`ingest.table.range_key` is the same as the hash key: name another attribute, or set it to \"\" for a table without a range key." = var.settings.table.hash_key == null ? true : var.settings.table.hash_key != var.settings.table.range_key

    "neither key of `ingest.table` may be `_source`, which is reserved for the item's origin: name another attribute." = !contains([for key in [var.settings.table.hash_key, var.settings.table.range_key] : coalesce(key, "-")], "_source")

    "`ingest.table.replica_regions` contains the Region of the deployment, where the table already is: remove it from the list." = !contains(var.settings.table.replica_regions, var.deployment.region)

    "`ingest.table.replica_regions` must contain Region codes such as `us-east-2`." = alltrue([for region in var.settings.table.replica_regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])

    "`ingest.prefix` must be a folder such as `incoming/`: no leading slash, no empty segment, and only letters, digits and `! _ . = ( ) -`." = can(regex("^([A-Za-z0-9!_.=()-]+(/[A-Za-z0-9!_.=()-]+)*/?)?$", var.settings.prefix))

    "`ingest.prefix` is under the reserved prefix `_sluice/`: choose another prefix." = split("/", var.settings.prefix)[0] != "_sluice"

    "`ingest.notify_on` may contain only ${join(", ", local.outcomes)}." = length(setsubtract(var.settings.notify_on, local.outcomes)) == 0

    "`ingest.max_object_mib` must be between 1 and 1280: a file is validated in memory, and a function has at most 10240 MB." = var.settings.max_object_mib >= 1 && var.settings.max_object_mib <= 1280

    "`ingest.memory_mb` must be at least eight times `ingest.max_object_mib`: lower `max_object_mib` (an item has at most 400 KB) or raise `memory_mb`." = var.settings.max_object_mib * 8 <= var.settings.memory_mb

    "`ingest.timeout_s` must be between 3 and 900: the function reserves 1.5 s for its response, and Lambda ends an invocation after 15 minutes." = var.settings.timeout_s >= 3 && var.settings.timeout_s <= 900

    "`ingest.processing_bucket.expire_noncurrent_days` must be at least 15: an object version must outlive the dead letter that refers to it (14 days, after up to one day in EventBridge)." = var.settings.processing_bucket.expire_noncurrent_days >= 15

    "`ingest.quarantine_bucket` needs `expire_noncurrent_days` of at least 1 and `retention_days` of at least 15, so that a redelivered event still finds the object that it moved." = var.settings.quarantine_bucket.expire_noncurrent_days >= 1 && var.settings.quarantine_bucket.retention_days >= 15
  }
}
