# Resources inside the `ingest` module and how they are connected.

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
    key = {
      arn       = "arn:aws:kms:eu-central-1:111122223333:key/mine"
      resource  = "arn:aws:kms:eu-central-1:111122223333:key/mine"
      condition = {}
    }
  }

  settings = {
    processing_bucket   = { force_destroy = true, expire_noncurrent_days = 20 }
    quarantine_bucket   = { force_destroy = false, expire_noncurrent_days = 40, retention_days = 400 }
    prefix              = ""
    table               = { hash_key = "ArtistID", range_key = "ItemID", replica_regions = ["us-east-2"], deletion_protection = true }
    check_item_id       = true
    max_object_mib      = 3
    notify_on           = ["stored", "invalid"]
    notify_emails       = ["music@example.org", "label@example.org"]
    uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
    operator_principals = ["arn:aws:iam::111122223333:role/on-call", "arn:aws:iam::111122223333:user/pat"]
    encryption          = "sse-s3"
    memory_mb           = 300
    timeout_s           = 70
    batch_size          = 10
    max_concurrency     = 7
    names               = {}
  }

  package = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt") }
}

run "given_settings" {
  command = plan
  module { source = "./modules/ingest" }

  # The processing bucket sends events to EventBridge, and the rule matches every way of creating an object.
  assert {
    condition     = module.processing.this.notification.eventbridge == true && module.quarantine.this.notification == null
    error_message = "the processing bucket must send events, and the quarantine bucket must not"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.this.event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = ["sluice-dev-processing-eu-central-1-111122223333"] }
        object = { key = [{ anything-but = { prefix = "_sluice/" } }] }
      }
    }
    error_message = "got ${aws_cloudwatch_event_rule.this.event_pattern}"
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.queue.rule == "sluice-dev-ingest" &&
      aws_cloudwatch_event_target.queue.arn == "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest" &&
      aws_cloudwatch_event_target.queue.dead_letter_config[0].arn == "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest-event-dead-letters" &&
      aws_cloudwatch_event_target.queue.retry_policy[0].maximum_event_age_in_seconds == 86400 &&
      aws_cloudwatch_event_target.queue.retry_policy[0].maximum_retry_attempts == 185
    )
    error_message = "the rule must retry for a day and use its dead-letter queue"
  }

  assert {
    condition     = module.queue.this.visibility_timeout_seconds == 6 * 70 && module.function.this.timeout == 70
    error_message = "the visibility timeout must be six times the function timeout"
  }

  assert {
    condition     = jsondecode(module.queue.this.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest-dead-letters", maxReceiveCount = 5 }
    error_message = "got ${module.queue.this.redrive_policy}"
  }

  assert {
    condition = (
      jsondecode(module.queue_dead_letters.this.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest"] } &&
      jsondecode(module.event_dead_letters.this.redrive_allow_policy) == { redrivePermission = "denyAll" }
    )
    error_message = "the dead-letter queue must accept the source queue only"
  }

  assert {
    condition     = [module.queue.this.message_retention_seconds, module.queue_dead_letters.this.message_retention_seconds, module.event_dead_letters.this.message_retention_seconds] == [345600, 1209600, 1209600]
    error_message = "dead-letter queues must have a longer retention than the source queue"
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.this.event_source_arn == "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest" &&
      aws_lambda_event_source_mapping.this.function_name == "arn:aws:lambda:eu-central-1:111122223333:function:sluice-dev-ingest" &&
      aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"]) &&
      aws_lambda_event_source_mapping.this.batch_size == 10 &&
      aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 0 &&
      aws_lambda_event_source_mapping.this.scaling_config[0].maximum_concurrency == 7
    )
    error_message = "partial batch responses must be enabled"
  }

  # Environment variables that lambdas/ingest reads at start.
  assert {
    condition = module.function.this.environment[0].variables == tomap({
      PROCESSING_BUCKET = "sluice-dev-processing-eu-central-1-111122223333"
      QUARANTINE_BUCKET = "sluice-dev-quarantine-eu-central-1-111122223333"
      PREFIX            = ""
      TABLE             = "sluice-dev-items"
      HASH_KEY          = "ArtistID"
      RANGE_KEY         = "ItemID"
      SCHEMA_SHA256     = filesha256("examples/eventpulse/music-item.schema.json")
      CHECK_ITEM_ID     = "true"
      MAX_OBJECT_BYTES  = "3145728"
      NOTIFY_ON         = "stored,invalid"
      TOPIC_ARN         = "arn:aws:sns:eu-central-1:111122223333:sluice-dev-ingest"
    })
    error_message = "got ${jsonencode(module.function.this.environment[0].variables)}"
  }

  assert {
    condition     = module.function.this.memory_size == 300 && module.function.this.filename == "tests/package.txt"
    error_message = "memory and package must be as given"
  }

  assert {
    condition = (
      aws_s3_object.schema.bucket == "sluice-dev-processing-eu-central-1-111122223333" &&
      aws_s3_object.schema.key == "_sluice/schema/${sha256(aws_s3_object.schema.content)}.json" &&
      aws_s3_object.schema.content == file("examples/eventpulse/music-item.schema.json")
    )
    error_message = "the schema object key must contain the hash of its content"
  }

  assert {
    condition = (
      aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST" &&
      aws_dynamodb_table.this.hash_key == "ArtistID" && aws_dynamodb_table.this.range_key == "ItemID" &&
      toset([for a in aws_dynamodb_table.this.attribute : "${a.name} ${a.type}"]) == toset(["ArtistID S", "ItemID S"]) &&
      aws_dynamodb_table.this.point_in_time_recovery[0].enabled && aws_dynamodb_table.this.deletion_protection_enabled &&
      [for r in aws_dynamodb_table.this.replica : "${r.region_name} ${r.point_in_time_recovery}"] == ["us-east-2 true"] &&
      aws_dynamodb_table.this.stream_enabled && aws_dynamodb_table.this.stream_view_type == "NEW_AND_OLD_IMAGES"
    )
    error_message = "the table must be on demand, recoverable, protected and replicated"
  }

  assert {
    condition = (
      module.processing.this.bucket.force_destroy == true && module.quarantine.this.bucket.force_destroy == false &&
      module.processing.this.lifecycle[0].noncurrent_version_expiration[0].noncurrent_days == 20 &&
      module.quarantine.this.lifecycle[0].noncurrent_version_expiration[0].noncurrent_days == 40
    )
    error_message = "each bucket must have its own settings"
  }

  assert {
    condition = (
      [for r in module.quarantine.this.lifecycle : r.expiration[0].days if r.id == "expire-current"] == [400] &&
      length([for r in module.processing.this.lifecycle : r if r.id == "expire-current"]) == 0
    )
    error_message = "only objects in quarantine may expire"
  }

  assert {
    condition     = [for bucket in [module.processing, module.quarantine] : one(bucket.this.encryption).apply_server_side_encryption_by_default[0].sse_algorithm] == ["AES256", "AES256"]
    error_message = "sse-s3 must use AES256"
  }

  assert {
    condition     = module.topic.this.kms_master_key_id == "arn:aws:kms:eu-central-1:111122223333:key/mine" && toset(module.topic.emails) == toset(["music@example.org", "label@example.org"])
    error_message = "the topic must be encrypted and have every address as a subscriber"
  }

  # Roles with specific principals; no IAM users and no access keys.
  assert {
    condition = {
      uploader = jsondecode(module.uploader[0].trust).Statement[0].Principal
      operator = jsondecode(module.operator[0].trust).Statement[0].Principal
      } == {
      uploader = { AWS = ["arn:aws:iam::111122223333:role/studio"] }
      operator = { AWS = ["arn:aws:iam::111122223333:role/on-call", "arn:aws:iam::111122223333:user/pat"] }
    }
    error_message = "each role must trust its own principals"
  }

  assert {
    condition = {
      for key, alarm in module.alarms.this : key => join(" ", [alarm.namespace, alarm.metric_name, jsonencode(alarm.dimensions), alarm.statistic, alarm.comparison_operator, tostring(alarm.threshold)])
      } == {
      event-dead-letters = "AWS/SQS ApproximateNumberOfMessagesVisible {\"QueueName\":\"sluice-dev-ingest-event-dead-letters\"} Maximum GreaterThanThreshold 0"
      queue-dead-letters = "AWS/SQS ApproximateNumberOfMessagesVisible {\"QueueName\":\"sluice-dev-ingest-dead-letters\"} Maximum GreaterThanThreshold 0"
      oldest-message     = "AWS/SQS ApproximateAgeOfOldestMessage {\"QueueName\":\"sluice-dev-ingest\"} Maximum GreaterThanThreshold 1260"
      throttles          = "AWS/Lambda Throttles {\"FunctionName\":\"sluice-dev-ingest\"} Sum GreaterThanThreshold 0"
      failed-invocations = "AWS/Events FailedInvocations {\"RuleName\":\"sluice-dev-ingest\"} Sum GreaterThanThreshold 0"
      events-lost        = "AWS/Events InvocationsFailedToBeSentToDlq {\"RuleName\":\"sluice-dev-ingest\"} Sum GreaterThanThreshold 0"
      quarantined        = "Sluice Quarantined {\"Function\":\"sluice-dev-ingest\"} Sum GreaterThanThreshold 0"
      unreadable         = "Sluice Unreadable {\"Function\":\"sluice-dev-ingest\"} Sum GreaterThanThreshold 0"
    }
    error_message = "every hop must have an alarm"
  }

  assert {
    condition = (
      { for q in module.alarms.error_rates["errors"].metric_query : q.id => try("${q.metric[0].namespace} ${q.metric[0].metric_name} ${q.metric[0].dimensions.FunctionName} ${q.metric[0].stat}", q.expression) } == {
        rate   = "IF(runs > 0, 100 * errors / runs, 0)"
        errors = "AWS/Lambda Errors sluice-dev-ingest Sum"
        runs   = "AWS/Lambda Invocations sluice-dev-ingest Sum"
      } &&
      one([for q in module.alarms.error_rates["errors"].metric_query : q.id if q.return_data == true]) == "rate" &&
      module.alarms.error_rates["errors"].threshold == 5 &&
      module.alarms.error_rates["errors"].comparison_operator == "GreaterThanThreshold"
    )
    error_message = "errors must alarm by rate"
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(module.alarms.this), values(module.alarms.error_rates)) :
      alarm.treat_missing_data == "notBreaching" && alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:sluice-dev-alarms"]) && startswith(alarm.alarm_name, "sluice-dev-ingest-")
    ])
    error_message = "missing data must not be breaching, and alarms must go to the alarm topic"
  }
}

# The other branch of every condition.
run "alternative_settings" {
  command = plan
  module { source = "./modules/ingest" }

  variables {
    settings = {
      processing_bucket   = { force_destroy = false, expire_noncurrent_days = 20 }
      quarantine_bucket   = { force_destroy = true, expire_noncurrent_days = 40, retention_days = 400 }
      prefix              = "in"
      table               = { hash_key = "OrderID", range_key = "", replica_regions = [], deletion_protection = false }
      schema_file         = "tests/schemas/order.json"
      check_item_id       = false
      max_object_mib      = 3
      notify_on           = []
      notify_emails       = []
      uploader_principals = []
      operator_principals = []
      encryption          = "sse-kms"
      memory_mb           = 300
      timeout_s           = 10
      batch_size          = 11
      max_concurrency     = 7
      names               = { queue = "files", rule = "my.rule" }
    }
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this.event_pattern).detail.object.key == [{ prefix = "in/" }]
    error_message = "the rule must match the prefix with a trailing slash only"
  }

  assert {
    condition     = [for s in jsondecode(module.queue.this.policy).Statement : s.Condition.ArnEquals["aws:SourceArn"] if s.Effect == "Allow"] == ["arn:aws:events:eu-central-1:111122223333:rule/my.rule"]
    error_message = "the queue policy must use the given rule name: ${module.queue.this.policy}"
  }

  assert {
    condition     = [for queue in [module.queue, module.queue_dead_letters, module.event_dead_letters] : queue.name] == ["files", "files-dead-letters", "files-event-dead-letters"]
    error_message = "dead-letter queues must be named after their source queue"
  }

  assert {
    condition = (
      aws_dynamodb_table.this.range_key == null && [for a in aws_dynamodb_table.this.attribute : "${a.name} ${a.type}"] == ["OrderID S"] &&
      length(aws_dynamodb_table.this.replica) == 0 && !aws_dynamodb_table.this.stream_enabled && !aws_dynamodb_table.this.deletion_protection_enabled
    )
    error_message = "without a range key there must be neither the key nor its attribute block"
  }

  assert {
    condition = { for name in ["PREFIX", "HASH_KEY", "RANGE_KEY", "CHECK_ITEM_ID", "NOTIFY_ON", "SCHEMA_SHA256"] : name => module.function.this.environment[0].variables[name] } == {
      PREFIX = "in/", HASH_KEY = "OrderID", RANGE_KEY = "", CHECK_ITEM_ID = "false", NOTIFY_ON = "", SCHEMA_SHA256 = filesha256("tests/schemas/order.json")
    }
    error_message = "got ${jsonencode(module.function.this.environment[0].variables)}"
  }

  assert {
    condition     = [for bucket in [module.processing, module.quarantine] : "${one(bucket.this.encryption).apply_server_side_encryption_by_default[0].sse_algorithm} ${one(bucket.this.encryption).apply_server_side_encryption_by_default[0].kms_master_key_id} ${one(bucket.this.encryption).bucket_key_enabled}"] == ["aws:kms arn:aws:kms:eu-central-1:111122223333:key/mine true", "aws:kms arn:aws:kms:eu-central-1:111122223333:key/mine true"]
    error_message = "sse-kms must use the deployment's key and S3 Bucket Keys"
  }

  assert {
    condition     = module.processing.this.bucket.force_destroy == false && module.quarantine.this.bucket.force_destroy == true
    error_message = "each bucket must have its own settings"
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 1 && module.alarms.this["oldest-message"].threshold == 900
    error_message = "batches above ten need a batching window, and the message age alarm has a minimum of 15 minutes"
  }

  assert {
    condition     = length(module.uploader) == 0 && length(module.operator) == 0 && length(module.topic.emails) == 0
    error_message = "without principals no role may be created"
  }
}

# allow_destroy overrides the protection settings of the systems.
run "allow_destroy" {
  command = plan
  module { source = "./modules/ingest" }

  variables {
    deployment = merge(var.deployment, { allow_destroy = true })
  }

  assert {
    condition     = module.processing.this.bucket.force_destroy && module.quarantine.this.bucket.force_destroy && !aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "allow_destroy must remove the protection of both buckets and of the table"
  }
}
