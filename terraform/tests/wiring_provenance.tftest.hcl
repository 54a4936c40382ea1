# Resources of the module `provenance` itself. Those of its blocks, and how they are connected, are tested in a plan
# (scripts/e2e/tests/test_planned.py).

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  deployment = {
    name               = "sluice-dev"
    bucket_suffix      = "eu-central-1-111122223333"
    role_suffix        = ""
    partition          = "aws"
    region             = "eu-central-1"
    account_id         = "111122223333"
    architecture       = "x86_64"
    log_retention_days = 30
    role_path          = "/"
    allow_destroy      = false
  }
  key = {
    arn            = "arn:aws:kms:eu-central-1:111122223333:key/mine"
    resource       = "arn:aws:kms:eu-central-1:111122223333:key/mine"
    via_s3         = {}
    via_sns        = {}
    administration = ["kms:PutKeyPolicy"]
  }
  alarm_topic_arn = "arn:aws:sns:eu-central-1:111122223333:sluice-dev-alarms"
  written         = {} # only compared with the type, see scripts/e2e/tests/test_settings.py
  settings = {
    data_bucket         = { force_destroy = true }
    prefixes            = ["incoming", "reports/"]
    receipts_bucket     = { in_data_bucket = false, force_destroy = false, object_lock = { mode = "COMPLIANCE", days = 7 }, journal_days = 9 }
    write_once          = true
    trail               = { force_destroy = false, retention_days = 400 }
    athena              = { scan_limit_mib = 100, results_days = 3 }
    uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
    auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
    operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    encryption          = "sse-kms"
    memory_mb           = 300
    timeout_s           = 70
    batch_size          = 4
    max_concurrency     = 7
    names               = {}
  }

  packages = {
    provenance = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt") }
    ledger     = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt") }
  }
}

run "given_settings" {
  command = plan
  module { source = "./modules/provenance" }

  # Environment variables that lambdas/provenance and lambdas/ledger read at start.
  assert {
    condition = output.environment.provenance == tomap({
      WATCHED         = "[{\"bucket\":\"sluice-dev-data-eu-central-1-111122223333\",\"prefixes\":[\"incoming/\",\"reports/\"]}]"
      RECEIPTS_BUCKET = "sluice-dev-receipts-eu-central-1-111122223333"
    })
    error_message = "got ${jsonencode(output.environment.provenance)}"
  }

  # The function's resource-based policy allows the schedule to invoke it.
  assert {
    condition = (
      aws_cloudwatch_event_rule.hourly.schedule_expression == "cron(5 * * * ? *)" &&
      aws_cloudwatch_event_target.ledger.rule == "sluice-dev-ledger" &&
      aws_cloudwatch_event_target.ledger.arn == "arn:aws:lambda:eu-central-1:111122223333:function:sluice-dev-ledger" &&
      aws_lambda_permission.hourly.principal == "events.amazonaws.com" &&
      aws_lambda_permission.hourly.function_name == "sluice-dev-ledger" &&
      aws_lambda_permission.hourly.source_arn == "arn:aws:events:eu-central-1:111122223333:rule/sluice-dev-ledger" &&
      aws_lambda_function_event_invoke_config.ledger.maximum_retry_attempts == 2
    )
    error_message = "the ledger must run hourly and only this rule may invoke it"
  }

  assert {
    condition     = aws_kms_key.signing.key_usage == "SIGN_VERIFY" && aws_kms_key.signing.customer_master_key_spec == "ECC_NIST_P256" && aws_kms_key.signing.deletion_window_in_days == 30 && aws_kms_alias.signing.name == "alias/sluice-dev-ledger"
    error_message = "the signing key must be an elliptic curve key with a deletion window"
  }

  # Without an auditor role the key policy has no statement for one.
  assert {
    condition     = [for s in jsondecode(aws_kms_key.signing.policy).Statement : "${s.Sid} ${s.Principal.AWS}" if s.Sid != "AdministerKey"] == ["ReadPublicKeyThroughIam arn:aws:iam::111122223333:root", "SignManifests arn:aws:iam::111122223333:role/sluice-dev-ledger", "ReadPublicKey arn:aws:iam::111122223333:role/sluice-dev-provenance-auditor"]
    error_message = "got ${aws_kms_key.signing.policy}"
  }

  # The trail logs reads and writes of every object of the watched buckets, but not of its own bucket.
  assert {
    condition = (
      aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.kms_key_id == "arn:aws:kms:eu-central-1:111122223333:key/mine" &&
      aws_cloudtrail.this.s3_bucket_name == "sluice-dev-trail-eu-central-1-111122223333" &&
      {
        for s in aws_cloudtrail.this.advanced_event_selector : s.name => {
          for f in s.field_selector : f.field => try(tolist(f.equals), null) != null ? jsonencode(f.equals) : jsonencode(f.starts_with)
        }
        } == {
        "Every use of what is watched" = {
          eventCategory    = "[\"Data\"]"
          "resources.type" = "[\"AWS::S3::Object\"]"
          "resources.ARN"  = "[\"arn:aws:s3:::sluice-dev-data-eu-central-1-111122223333/\"]"
        }
        "Every change of the receipts" = {
          eventCategory    = "[\"Data\"]"
          "resources.type" = "[\"AWS::S3::Object\"]"
          readOnly         = "[\"false\"]"
          "resources.ARN"  = "[\"arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/\"]"
        }
      }
    )
    error_message = "got ${jsonencode(aws_cloudtrail.this.advanced_event_selector)}"
  }

  assert {
    condition = (
      aws_glue_catalog_table.cloudtrail_logs.storage_descriptor[0].location == "s3://sluice-dev-trail-eu-central-1-111122223333/AWSLogs/111122223333/CloudTrail/" &&
      aws_glue_catalog_table.cloudtrail_logs.parameters["projection.day.range"] == "NOW-401DAYS,NOW+1DAYS" &&
      aws_glue_catalog_table.cloudtrail_logs.parameters["storage.location.template"] == "s3://sluice-dev-trail-eu-central-1-111122223333/AWSLogs/111122223333/CloudTrail/$${region}/$${day}/" &&
      aws_glue_catalog_table.receipts.storage_descriptor[0].location == "s3://sluice-dev-receipts-eu-central-1-111122223333/provenance/"
    )
    error_message = "the table location must be the root of the logs, and the projection must cover the retention"
  }

  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration &&
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 104857600 &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://sluice-dev-queries-eu-central-1-111122223333/results/" &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS"
    )
    error_message = "queries must have a scan limit and encrypted results"
  }

  assert {
    condition     = keys(aws_athena_named_query.this) == ["cloudtrail_s3_events_flattened", "open_questions", "provenance_ledger", "validation"] && keys(aws_glue_catalog_table.view) == ["cloudtrail_s3_events_flattened", "provenance_ledger"]
    error_message = "got ${jsonencode(keys(aws_athena_named_query.this))}"
  }
}

# The other branch of every condition: one bucket, the whole processing bucket watched, no principals.
run "alternative_settings" {
  command = plan
  module { source = "./modules/provenance" }

  variables {
    settings = {
      data_bucket         = { name = "raw", force_destroy = false }
      prefixes            = ["incoming/"]
      watch_ingest        = true
      receipts_bucket     = { in_data_bucket = true, force_destroy = false, journal_days = 9 }
      write_once          = false
      trail               = { bucket_name = "logs", force_destroy = true, retention_days = 400 }
      athena              = { scan_limit_mib = 100, results_days = 3 }
      uploader_principals = []
      auditor_principals  = []
      operator_principals = []
      encryption          = "sse-s3"
      memory_mb           = 300
      timeout_s           = 60
      batch_size          = 11
      max_concurrency     = 7
      names               = { rule = "my.rule", queue = "objects", trail = "my-trail", database = "db", workgroup = "questions", schedule = "each.hour", signing_key = "team/ledger" }
    }
    buckets = { ingest = { bucket = "files", prefixes = [], encrypted = false, moved_to = "refused" } }
  }

  assert {
    condition     = length(module.receipts) == 0 && output.environment.provenance.RECEIPTS_BUCKET == "raw" && output.environment.ledger.RECEIPTS_BUCKET == "raw"
    error_message = "receipts must be in the data bucket"
  }

  assert {
    condition     = [for s in jsondecode(output.policies.data).Statement : s.Sid] == ["DenyInsecureTransport"]
    error_message = "write_once = false must remove the statement from the data bucket too: ${output.policies.data}"
  }

  assert {
    condition     = [for s in aws_cloudtrail.this.advanced_event_selector : [for f in s.field_selector : jsonencode(f.starts_with) if f.field == "resources.ARN"]] == [["[\"arn:aws:s3:::raw/\",\"arn:aws:s3:::files/\"]"]]
    error_message = "both buckets must be logged, with the receipts in the data bucket: ${jsonencode(aws_cloudtrail.this.advanced_event_selector)}"
  }

  # A listing of a whole bucket has no prefix condition.
  assert {
    condition = jsonencode([for s in jsondecode(module.function.policies.effects).Statement : [s.Sid, try(s.Condition, null), s.Resource] if contains(["FindVersion", "FindVersionIngest", "ReadVersion"], s.Sid)]) == jsonencode([
      ["FindVersion", { StringLike = { "s3:prefix" = ["incoming/*"] } }, "arn:aws:s3:::raw"],
      ["FindVersionIngest", null, "arn:aws:s3:::files"],
      ["ReadVersion", null, ["arn:aws:s3:::raw/incoming/*", "arn:aws:s3:::files/*"]],
    ])
    error_message = "got ${module.function.policies.effects}"
  }

  assert {
    condition     = keys(module.function.policies) == ["effects", "logs"] && keys(module.ledger.policies) == ["effects", "logs"] && aws_cloudtrail.this.kms_key_id == null && aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    error_message = "sse-s3 must need no key statement"
  }

  assert {
    condition = (
      aws_cloudtrail.this.name == "my-trail" && aws_glue_catalog_database.this.name == "db" && aws_athena_workgroup.this.name == "questions" &&
      aws_lambda_permission.hourly.source_arn == "arn:aws:events:eu-central-1:111122223333:rule/each.hour" && aws_kms_alias.signing.name == "alias/team/ledger"
    )
    error_message = "existing names must be kept and used in policies"
  }

  assert {
    condition     = output.roles.uploader == null && output.roles.auditor == null && output.roles.operator == null
    error_message = "without principals no role may be created"
  }

  expect_failures = [
    check.provenance_has_an_auditor_role,
    check.provenance_has_an_operator_role,
  ]
}

# Management events of all services but the two with the most events.
run "management_events" {
  command = plan
  module { source = "./modules/provenance" }

  variables {
    settings = merge(var.settings, { trail = { management_events = true } })
  }

  assert {
    condition = [
      for s in aws_cloudtrail.this.advanced_event_selector : [for f in s.field_selector : "${f.field} ${jsonencode(f.field == "eventSource" ? f.not_equals : f.equals)}"]
      if startswith(s.name, "Management")
    ] == [["eventCategory [\"Management\"]", "eventSource [\"kms.amazonaws.com\",\"rdsdata.amazonaws.com\"]"]]
    error_message = "got ${jsonencode(aws_cloudtrail.this.advanced_event_selector)}"
  }
}
