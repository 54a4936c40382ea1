# Resources of the module `ingest` itself. Those of its blocks, and how they are connected, are tested in a plan
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
    processing_bucket   = { force_destroy = true, expire_noncurrent_days = 20 }
    quarantine_bucket   = { force_destroy = false, expire_noncurrent_days = 40, retention_days = 400 }
    prefix              = ""
    table               = { hash_key = "ArtistID", range_key = "ItemID", replica_regions = ["us-east-2"], deletion_protection = true }
    schema_file         = "examples/eventpulse/music-item.schema.json"
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

  # Environment variables that lambdas/ingest reads at start.
  assert {
    condition = output.environment.ingest == tomap({
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
    error_message = "got ${jsonencode(output.environment.ingest)}"
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
    condition = (
      aws_dynamodb_table.this.range_key == null && [for a in aws_dynamodb_table.this.attribute : "${a.name} ${a.type}"] == ["OrderID S"] &&
      length(aws_dynamodb_table.this.replica) == 0 && !aws_dynamodb_table.this.stream_enabled && !aws_dynamodb_table.this.deletion_protection_enabled
    )
    error_message = "without a range key there must be neither the key nor its attribute block"
  }

  assert {
    condition = { for name in ["PREFIX", "HASH_KEY", "RANGE_KEY", "CHECK_ITEM_ID", "NOTIFY_ON", "SCHEMA_SHA256"] : name => output.environment.ingest[name] } == {
      PREFIX = "in/", HASH_KEY = "OrderID", RANGE_KEY = "", CHECK_ITEM_ID = "false", NOTIFY_ON = "", SCHEMA_SHA256 = filesha256("tests/schemas/order.json")
    }
    error_message = "got ${jsonencode(output.environment.ingest)}"
  }

  assert {
    condition     = output.roles.uploader == null && output.roles.operator == null
    error_message = "without principals no role may be created"
  }

  expect_failures = [
    check.ingest_has_an_uploader_role,
    check.ingest_has_an_operator_role,
  ]
}

# Advisory checks warn about missing principals and addresses, and about a schema that does not require a key.
run "no_principals_and_no_addresses" {
  command = plan
  module { source = "./modules/ingest" }

  variables {
    settings = {
      table       = { hash_key = "OrderID", range_key = "Line" }
      schema_file = "tests/schemas/order.json"
    }
  }

  expect_failures = [
    check.ingest_has_an_uploader_role,
    check.ingest_has_an_operator_role,
    check.notify_emails_are_set,
    check.schema_requires_the_keys,
  ]
}
