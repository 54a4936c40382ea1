# Checked before anything is planned: unknown attributes, names, and the conditions below, each with the message for the
# case that it is false.

locals {
  object_lock = var.settings.receipts_bucket.object_lock
}

module "settings" {
  source = "../settings"

  system   = "provenance"
  written  = var.written
  settings = var.settings

  former = {
    "data_bucket.versioning" = "versioning is always enabled; remove it"
    "data_bucket.region"     = "a deployment has one Region, that of the provider; remove it"
  }

  names = merge(
    local.names,
    local.receipts_in_data_bucket ? {} : { receipts = { kind = "bucket", attribute = "receipts_bucket.name", name = local.receipts_bucket_name } },
    { for key in local.watch : "rule_${key}" => { kind = "rule", attribute = "names.rule", name = "${local.name.rule}-${key}" } },
  )

  rules = {
    "`provenance.watch` may contain only the buckets of the other systems of this deployment: ${length(var.buckets) == 0 ? "there are none, set `ingest` too" : join(", ", [for name in keys(var.buckets) : "`${name}`"])}." = length(setsubtract(local.watch, keys(var.buckets))) == 0

    "`provenance.watch` cannot watch a prefix under `provenance/`, `operator/`, `journal/` or `ledger/`, whose objects never get a receipt: set another prefix in the system of that bucket." = alltrue(flatten([for key in local.watch : [for prefix in try(var.buckets[key].prefixes, []) : !contains(["provenance", "operator", "journal", "ledger"], split("/", prefix)[0])]]))

    "`provenance.prefixes` must contain folders such as `incoming/`: no leading slash, no empty segment, and only letters, digits and `! _ . = ( ) -`." = length(var.settings.prefixes) > 0 && alltrue([for prefix in var.settings.prefixes : can(regex("^[A-Za-z0-9!_.=()-]+(/[A-Za-z0-9!_.=()-]+)*/?$", prefix))])

    "`provenance.prefixes` contains a prefix under `provenance/`, `operator/`, `journal/`, `ledger/` or `_sluice/`, which are reserved: watch another prefix." = alltrue([for prefix in var.settings.prefixes : !contains(["provenance", "operator", "journal", "ledger", "_sluice"], split("/", prefix)[0])])

    "`provenance.prefixes` contains a prefix twice: remove one of them." = length(var.settings.prefixes) == length(distinct(local.prefixes))

    "`provenance.data_bucket.folders` must contain folders such as `processed/`, outside `provenance/`, `operator/`, `journal/`, `ledger/` and `_sluice/`." = alltrue([for folder in var.settings.data_bucket.folders : can(regex("^[A-Za-z0-9!_.=()-]+(/[A-Za-z0-9!_.=()-]+)*/?$", folder)) && !contains(["provenance", "operator", "journal", "ledger", "_sluice"], split("/", folder)[0])])

    "`provenance.data_bucket.expire_noncurrent_days` must be at least 15, or null: an object version must outlive the dead letter that refers to it (14 days, after up to one day in EventBridge)." = coalesce(var.settings.data_bucket.expire_noncurrent_days, 15) >= 15

    "`provenance.data_bucket.expire_noncurrent_days` would also expire noncurrent receipts, which are in the same bucket: remove it, or store the receipts in a bucket of their own." = !local.receipts_in_data_bucket || var.settings.data_bucket.expire_noncurrent_days == null

    "`provenance.receipts_bucket` sets both `in_data_bucket` and `name`: remove `name` to store receipts in the data bucket, or `in_data_bucket` to store them in a bucket of their own." = !local.receipts_in_data_bucket || var.settings.receipts_bucket.name == null

    "`provenance.receipts_bucket.force_destroy` has no effect with `in_data_bucket`: set it in `data_bucket`." = !local.receipts_in_data_bucket || !var.settings.receipts_bucket.force_destroy || var.settings.data_bucket.force_destroy

    "`provenance.receipts_bucket.object_lock` would also lock every object of the data bucket: store the receipts in a bucket of their own, without `in_data_bucket`." = !local.receipts_in_data_bucket || local.object_lock == null

    "`provenance.receipts_bucket.object_lock` must be { mode = \"GOVERNANCE\" or \"COMPLIANCE\", days = 1 to 36500 }." = local.object_lock == null ? true : try(contains(["GOVERNANCE", "COMPLIANCE"], local.object_lock.mode) && local.object_lock.days >= 1 && local.object_lock.days <= 36500, false)

    "`provenance.receipts_bucket.force_destroy` cannot delete objects that are locked in COMPLIANCE mode, nor can any principal: remove it, or use GOVERNANCE mode." = try(local.object_lock.mode, "") != "COMPLIANCE" || !var.settings.receipts_bucket.force_destroy

    "`provenance.receipts_bucket.journal_days` must be at least 3: the ledger cannot list a receipt whose journal entry expired before the manifest was signed." = var.settings.receipts_bucket.journal_days >= 3

    "`provenance.trail.retention_days` and `provenance.athena.results_days` must be at least 1." = var.settings.trail.retention_days >= 1 && var.settings.athena.results_days >= 1

    "`provenance.athena.scan_limit_mib` must be at least 10, the minimum that Athena accepts." = var.settings.athena.scan_limit_mib >= 10

    "`provenance.timeout_s` must be between 60 and 900: the function reserves about 20 s for writing the receipt and defers objects that take longer to hash, and Lambda ends an invocation after 15 minutes." = var.settings.timeout_s >= 60 && var.settings.timeout_s <= 900
  }
}
