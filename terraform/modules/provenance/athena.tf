# Athena workgroup, Glue tables and views that join receipts and CloudTrail events. Terraform creates the views, so no
# query has to be run first.

locals {
  # Paths in the trail bucket contain UTC dates. One extra day at both ends adds no cost.
  partition_day_range = "NOW-${local.settings.trail.retention_days + 1}DAYS,NOW+1DAYS"

  watched_sql = join("\n        OR ", [
    for watch in values(local.watched_buckets) : length(watch.prefixes) > 0 ?
    "(bucket_name = '${watch.bucket}' AND (${join(" OR ", [for prefix in watch.prefixes : "starts_with(object_key, '${prefix}')"])}))" :
    "(bucket_name = '${watch.bucket}' AND NOT (${join(" OR ", [for prefix in concat(["_sluice/"], local.reserved_prefixes) : "starts_with(object_key, '${prefix}')"])}))"
  ])

  flattened_sql = trimspace(file("${path.module}/sql/cloudtrail_s3_events_flattened.sql"))
  ledger_sql    = trimspace(templatefile("${path.module}/sql/provenance_ledger.sql", { watched = local.watched_sql }))

  # The column names in order; types of columns that are not strings are in `non_string_columns`.
  views = {
    cloudtrail_s3_events_flattened = {
      description = "S3 data events of the watched buckets, one row per event"
      sql         = local.flattened_sql
      columns = [
        "eventtime", "eventname", "user_arn", "bucket_name", "object_key", "version_id", "who", "user_type", "user_account", "mfa",
        "source_ip", "vpc_endpoint", "user_agent", "bytes_in", "bytes_out", "encryption", "kms_key", "copied_from", "error_code",
        "read_only", "request_id", "event_id", "region", "day",
      ]
    }
    provenance_ledger = {
      description = "Receipts joined with the events that created the object versions, one row per version"
      sql         = local.ledger_sql
      columns = [
        "bucket_name", "object_key", "version_id", "evidence", "state", "sha256", "size", "etag", "s3_checksum",
        "s3_checksum_algorithm", "s3_checksum_type", "who", "user_arn", "mfa", "event_name", "copied_from", "event_time",
        "last_modified", "recorded_at", "source_ip", "vpc_endpoint", "region", "user_agent", "encryption", "kms_key",
        "request_id", "event_id", "pinned_late",
      ]
    }
  }
  non_string_columns = { bytes_in = "bigint", bytes_out = "bigint", size = "bigint", pinned_late = "boolean" }

  named_queries = {
    cloudtrail_s3_events_flattened = {
      description = "Definition of the view that Terraform manages, for use elsewhere"
      sql         = "CREATE OR REPLACE VIEW cloudtrail_s3_events_flattened AS\n${local.flattened_sql}\n"
    }
    provenance_ledger = {
      description = "Definition of the view that Terraform manages, for use elsewhere"
      sql         = "CREATE OR REPLACE VIEW provenance_ledger AS\n${local.ledger_sql}\n"
    }
    validation = {
      description = "Uploads to ${local.name.data}, latest first"
      sql         = templatefile("${path.module}/sql/validation.sql", { bucket = local.name.data })
    }
    open_questions = {
      description = "Versions without a hash or without an event"
      sql         = file("${path.module}/sql/open_questions.sql")
    }
  }
}

resource "aws_glue_catalog_database" "this" {
  name        = local.name.database
  description = "Receipts and S3 events of ${local.deployment.name}"
}

# The location is the root of the account's log files, with partition projection for region and day: a table on the
# folder of one day would have no data for the next.
resource "aws_glue_catalog_table" "cloudtrail_logs" {
  name          = "cloudtrail_logs"
  database_name = aws_glue_catalog_database.this.name
  description   = "CloudTrail log files"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                       = "TRUE"
    classification                 = "cloudtrail"
    "projection.enabled"           = "true"
    "projection.region.type"       = "enum"
    "projection.region.values"     = local.deployment.region
    "projection.day.type"          = "date"
    "projection.day.format"        = "yyyy/MM/dd"
    "projection.day.interval"      = "1"
    "projection.day.interval.unit" = "DAYS"
    "projection.day.range"         = local.partition_day_range
    "storage.location.template"    = "s3://${local.name.trail_bucket}/${local.trail_prefix}$${region}/$${day}/"
  }

  partition_keys {
    name = "region"
    type = "string"
  }

  partition_keys {
    name = "day"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${local.name.trail_bucket}/${local.trail_prefix}"
    input_format  = "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hive.hcatalog.data.JsonSerDe"
    }

    dynamic "columns" {
      for_each = local.trail_columns

      content {
        name = columns.value[0]
        type = columns.value[1]
      }
    }
  }
}

# Not partitioned: the folders are those of the object keys.
resource "aws_glue_catalog_table" "receipts" {
  name          = "receipts"
  database_name = aws_glue_catalog_database.this.name
  description   = "Receipts, one row each"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL       = "TRUE"
    classification = "json"
  }

  storage_descriptor {
    location      = "s3://${local.receipts_bucket_name}/${local.receipts_prefix}"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      # Without it, a file that is not valid JSON would make every query fail.
      parameters = { "ignore.malformed.json" = "true" }
    }

    dynamic "columns" {
      for_each = local.receipt_columns

      content {
        name = columns.value[0]
        type = columns.value[1]
      }
    }
  }
}

# Athena stores a view in this form, with the types of its columns.
resource "aws_glue_catalog_table" "view" {
  for_each = local.views

  name          = each.key
  database_name = aws_glue_catalog_database.this.name
  description   = each.value.description
  table_type    = "VIRTUAL_VIEW"

  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = each.value.sql
    catalog     = "awsdatacatalog"
    schema      = local.name.database
    columns     = [for column in each.value.columns : { name = column, type = lookup(local.non_string_columns, column, "varchar") }]
  }))} */"

  parameters = {
    presto_view = "true"
    comment     = "Presto View"
  }

  storage_descriptor {
    # Set explicitly, because otherwise every plan would show a change.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value
        type = lookup(local.non_string_columns, columns.value, "string")
      }
    }
  }
}

module "queries" {
  source = "../bucket"

  deployment             = local.deployment
  name                   = local.name.queries
  key_arn                = local.kms_encrypted ? var.key.arn : null
  force_destroy          = true # query results can be recomputed
  expire_days            = local.settings.athena.results_days
  expire_noncurrent_days = 1
}

resource "aws_athena_workgroup" "this" {
  name          = local.name.workgroup
  description   = "Queries on the provenance of ${local.deployment.name}"
  force_destroy = true # deletes the query history only

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = local.settings.athena.scan_limit_mib * 1024 * 1024

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${module.queries.name}/results/"
      expected_bucket_owner = local.deployment.account_id

      encryption_configuration {
        encryption_option = local.kms_encrypted ? "SSE_KMS" : "SSE_S3"
        kms_key_arn       = local.kms_encrypted ? var.key.arn : null
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = local.named_queries

  name        = each.key
  description = each.value.description
  workgroup   = aws_athena_workgroup.this.id
  database    = aws_glue_catalog_database.this.name
  query       = each.value.sql
}
