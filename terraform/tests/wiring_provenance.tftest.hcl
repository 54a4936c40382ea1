# Resources inside the `provenance` module and how they are connected.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  deployment = {
    name               = "sluice-dev"
    bucket_suffix      = "eu-central-1-111122223333"
    partition          = "aws"
    dns_suffix         = "amazonaws.com"
    region             = "eu-central-1"
    account_id         = "111122223333"
    architecture       = "x86_64"
    log_retention_days = 30
    role_path          = "/"
    alarm_topic_arn    = "arn:aws:sns:eu-central-1:111122223333:sluice-dev-alarms"
    allow_destroy      = false
    key_administration = ["kms:PutKeyPolicy"]
    key = {
      arn       = "arn:aws:kms:eu-central-1:111122223333:key/mine"
      resource  = "arn:aws:kms:eu-central-1:111122223333:key/mine"
      condition = {}
    }
  }

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

  # The receipts bucket sends no events, and the rule matches the watched prefixes only.
  assert {
    condition     = module.data.this.notification.eventbridge && module.receipts[0].this.notification == null && module.trail_bucket.this.notification == null && module.queries.this.notification == null
    error_message = "only the watched bucket may send events"
  }

  assert {
    condition = { for key, rule in aws_cloudwatch_event_rule.created : key => jsondecode(rule.event_pattern) } == {
      data = {
        source      = ["aws.s3"]
        detail-type = ["Object Created"]
        detail = {
          bucket = { name = ["sluice-dev-data-eu-central-1-111122223333"] }
          object = { key = [{ prefix = "incoming/" }, { prefix = "reports/" }] }
        }
      }
    }
    error_message = "got ${aws_cloudwatch_event_rule.created["data"].event_pattern}"
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.queue["data"].arn == "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance" &&
      aws_cloudwatch_event_target.queue["data"].dead_letter_config[0].arn == "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance-event-dead-letters" &&
      aws_cloudwatch_event_target.queue["data"].retry_policy[0].maximum_event_age_in_seconds == 86400
    )
    error_message = "the rule must retry for a day and use its dead-letter queue"
  }

  assert {
    condition     = module.queue.this.visibility_timeout_seconds == 6 * 70 && module.function.this.timeout == 70 && jsondecode(module.queue.this.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance-dead-letters", maxReceiveCount = 5 }
    error_message = "got ${module.queue.this.redrive_policy}"
  }

  assert {
    condition = (
      jsondecode(module.queue_dead_letters.this.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance"] } &&
      [module.queue.this.message_retention_seconds, module.queue_dead_letters.this.message_retention_seconds, module.event_dead_letters.this.message_retention_seconds] == [345600, 1209600, 1209600]
    )
    error_message = "the dead-letter queue must accept the source queue only and have the longest retention"
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.this.event_source_arn == "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance" &&
      aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"]) &&
      aws_lambda_event_source_mapping.this.batch_size == 4 && aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 0 &&
      aws_lambda_event_source_mapping.this.scaling_config[0].maximum_concurrency == 7
    )
    error_message = "partial batch responses must be enabled"
  }

  # Environment variables that lambdas/provenance and lambdas/ledger read at start.
  assert {
    condition = module.function.this.environment[0].variables == tomap({
      WATCHED         = "[{\"bucket\":\"sluice-dev-data-eu-central-1-111122223333\",\"prefixes\":[\"incoming/\",\"reports/\"]}]"
      RECEIPTS_BUCKET = "sluice-dev-receipts-eu-central-1-111122223333"
    })
    error_message = "got ${jsonencode(module.function.this.environment[0].variables)}"
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

  assert {
    condition = alltrue([
      for bucket in [module.data, module.receipts[0], module.trail_bucket, module.queries] :
      one(bucket.this.encryption).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && one(bucket.this.encryption).bucket_key_enabled && one(bucket.this.encryption).apply_server_side_encryption_by_default[0].kms_master_key_id == "arn:aws:kms:eu-central-1:111122223333:key/mine"
    ])
    error_message = "every bucket must use the deployment's key and S3 Bucket Keys"
  }

  assert {
    condition     = module.data.this.bucket.force_destroy && !module.receipts[0].this.bucket.force_destroy && !module.trail_bucket.this.bucket.force_destroy && module.receipts[0].this.bucket.object_lock_enabled && !module.data.this.bucket.object_lock_enabled
    error_message = "each bucket must have its own settings, and only the receipts bucket may have Object Lock"
  }

  # Only journal entries expire.
  assert {
    condition = {
      data     = [for r in module.data.this.lifecycle : r.id]
      receipts = [for r in module.receipts[0].this.lifecycle : r.id]
      trail    = [for r in module.trail_bucket.this.lifecycle : "${r.id} ${r.expiration[0].days}" if r.id == "expire-current"]
      queries  = [for r in module.queries.this.lifecycle : "${r.id} ${r.expiration[0].days}" if r.id == "expire-current"]
      } == {
      data     = ["abort-multipart", "remove-expired-delete-markers"]
      receipts = ["abort-multipart", "remove-expired-delete-markers", "expire-journal"]
      trail    = ["expire-current 400"]
      queries  = ["expire-current 3"]
    }
    error_message = "got ${jsonencode([module.data.this.lifecycle, module.receipts[0].this.lifecycle])}"
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

  assert {
    condition = {
      for key, alarm in module.alarms.this : key => join(" ", [alarm.namespace, alarm.metric_name, jsonencode(alarm.dimensions), alarm.statistic, alarm.comparison_operator, tostring(alarm.threshold)])
      } == {
      event-dead-letters = "AWS/SQS ApproximateNumberOfMessagesVisible {\"QueueName\":\"sluice-dev-provenance-event-dead-letters\"} Maximum GreaterThanThreshold 0"
      queue-dead-letters = "AWS/SQS ApproximateNumberOfMessagesVisible {\"QueueName\":\"sluice-dev-provenance-dead-letters\"} Maximum GreaterThanThreshold 0"
      oldest-message     = "AWS/SQS ApproximateAgeOfOldestMessage {\"QueueName\":\"sluice-dev-provenance\"} Maximum GreaterThanThreshold 1260"
      throttles          = "AWS/Lambda Throttles {\"FunctionName\":\"sluice-dev-provenance\"} Sum GreaterThanThreshold 0"
      ledger-throttles   = "AWS/Lambda Throttles {\"FunctionName\":\"sluice-dev-ledger\"} Sum GreaterThanThreshold 0"
      ledger-errors      = "AWS/Lambda Errors {\"FunctionName\":\"sluice-dev-ledger\"} Sum GreaterThanThreshold 0"
      ledger-not-started = "AWS/Events FailedInvocations {\"RuleName\":\"sluice-dev-ledger\"} Sum GreaterThanThreshold 0"
      no-manifest        = "Sluice Manifests {\"Function\":\"sluice-dev-ledger\"} Sum LessThanThreshold 1"
      deferred           = "Sluice Deferred {\"Function\":\"sluice-dev-provenance\"} Sum GreaterThanThreshold 0"
      failed-invocations = "AWS/Events FailedInvocations {\"RuleName\":\"sluice-dev-provenance\"} Sum GreaterThanThreshold 0"
      events-lost        = "AWS/Events InvocationsFailedToBeSentToDlq {\"RuleName\":\"sluice-dev-provenance\"} Sum GreaterThanThreshold 0"
    }
    error_message = "every hop must have an alarm, and the receipt state gone must not"
  }

  # The only alarm for which missing data is breaching.
  assert {
    condition = (
      module.alarms.this["no-manifest"].period * module.alarms.this["no-manifest"].evaluation_periods == 3 * 3600 &&
      module.alarms.this["no-manifest"].treat_missing_data == "breaching"
    )
    error_message = "the alarm must fire after three hours without a manifest"
  }

  assert {
    condition     = keys(module.alarms.error_rates) == ["errors"] && alltrue([for key, alarm in module.alarms.this : alarm.treat_missing_data == "notBreaching" && alarm.period == 300 if key != "no-manifest"])
    error_message = "missing data must not be breaching in other alarms"
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(module.alarms.this), values(module.alarms.error_rates)) :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:sluice-dev-alarms"]) && startswith(alarm.alarm_name, "sluice-dev-provenance-")
    ])
    error_message = "alarms must go to the alarm topic"
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
      receipts_bucket     = { in_data_bucket = true, force_destroy = false, journal_days = 9 }
      write_once          = false
      trail               = { bucket_name = "logs", force_destroy = true, retention_days = 400 }
      athena              = { scan_limit_mib = 100, results_days = 3 }
      uploader_principals = []
      auditor_principals  = []
      operator_principals = []
      encryption          = "sse-s3"
      memory_mb           = 300
      timeout_s           = 30
      batch_size          = 11
      max_concurrency     = 7
      names               = { rule = "my.rule", queue = "objects", trail = "my-trail", database = "db", workgroup = "questions", schedule = "each.hour", signing_key = "team/ledger" }
    }
    ingest = { bucket = "files", quarantine = "refused", prefixes = [], encrypted = false }
  }

  assert {
    condition     = length(module.receipts) == 0 && module.function.this.environment[0].variables.RECEIPTS_BUCKET == "raw" && module.ledger.this.environment[0].variables.RECEIPTS_BUCKET == "raw"
    error_message = "receipts must be in the data bucket"
  }

  assert {
    condition     = [for r in module.data.this.lifecycle : r.filter[0].prefix if r.id == "expire-journal"] == ["journal/"] && [for s in jsondecode(module.data.this.policy).Statement : s.Sid] == ["DenyInsecureTransport"]
    error_message = "journal entries must expire in the data bucket too"
  }

  assert {
    condition     = [for s in aws_cloudtrail.this.advanced_event_selector : [for f in s.field_selector : jsonencode(f.starts_with) if f.field == "resources.ARN"]] == [["[\"arn:aws:s3:::raw/\",\"arn:aws:s3:::files/\"]"]]
    error_message = "both buckets must be logged, with the receipts in the data bucket: ${jsonencode(aws_cloudtrail.this.advanced_event_selector)}"
  }

  # The rule excludes the reserved prefix `_sluice/` of the processing bucket.
  assert {
    condition     = { for key, rule in aws_cloudwatch_event_rule.created : rule.name => jsonencode(jsondecode(rule.event_pattern).detail) } == { "my.rule" = "{\"bucket\":{\"name\":[\"raw\"]},\"object\":{\"key\":[{\"prefix\":\"incoming/\"}]}}", "my.rule-ingest" = "{\"bucket\":{\"name\":[\"files\"]},\"object\":{\"key\":[{\"anything-but\":{\"prefix\":\"_sluice/\"}}]}}" }
    error_message = "got ${jsonencode({ for key, rule in aws_cloudwatch_event_rule.created : rule.name => rule.event_pattern })}"
  }

  assert {
    condition     = [for s in jsondecode(module.queue.this.policy).Statement : s.Condition.ArnEquals["aws:SourceArn"] if s.Effect == "Allow"] == ["arn:aws:events:eu-central-1:111122223333:rule/my.rule", "arn:aws:events:eu-central-1:111122223333:rule/my.rule-ingest"]
    error_message = "the queue policy must use the given rule names: ${module.queue.this.policy}"
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
    condition     = length(regexall("kms:(Decrypt|GenerateDataKey)", "${module.function.policies.effects}${module.ledger.policies.effects}")) == 0 && aws_cloudtrail.this.kms_key_id == null && aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
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
    condition     = contains(keys(module.alarms.this), "events-lost-ingest") && module.alarms.this["failed-invocations-ingest"].dimensions.RuleName == "my.rule-ingest" && module.alarms.this["oldest-message"].threshold == 900
    error_message = "the second rule must have alarms too"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 1 && length(module.uploader) == 0 && length(module.auditor) == 0 && length(module.operator) == 0
    error_message = "without principals no role may be created"
  }
}

# allow_destroy overrides the protection settings of the systems.
run "allow_destroy" {
  command = plan
  module { source = "./modules/provenance" }

  variables {
    deployment = merge(var.deployment, { allow_destroy = true })
  }

  assert {
    condition     = alltrue([for bucket in [module.data, module.receipts[0], module.trail_bucket] : bucket.this.bucket.force_destroy])
    error_message = "allow_destroy must set force_destroy on every bucket"
  }
}
