# The example variables files, unchanged.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  account_id = "111122223333"
  lambda_packages = {
    ingest     = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
    provenance = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
    ledger     = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
  }
}

run "read_minimal" {
  module { source = "./tests/example" }
  variables { name = "minimal" }
}

run "minimal_deploys_the_whole_ingest" {
  command = plan

  variables {
    environment = run.read_minimal.values.environment
    region      = run.read_minimal.values.region
    ingest      = run.read_minimal.values.ingest
  }

  assert {
    condition     = output.ingest.function == "sluice-dev-ingest"
    error_message = "got ${output.ingest.function}"
  }

  expect_failures = [
    check.alarm_emails_are_set,
    check.notify_emails_are_set,
    check.ingest_has_an_operator_role,
    check.ingest_has_an_uploader_role,
  ]
}

run "read_eventpulse" {
  module { source = "./tests/example" }
  variables { name = "eventpulse" }
}

# The names of the older deployment are kept.
run "eventpulse_keeps_its_names" {
  command = plan

  variables {
    project      = run.read_eventpulse.values.project
    environment  = run.read_eventpulse.values.environment
    region       = run.read_eventpulse.values.region
    alarm_emails = run.read_eventpulse.values.alarm_emails
    ingest       = run.read_eventpulse.values.ingest
  }

  assert {
    condition = { for name in ["processing_bucket", "quarantine_bucket", "table", "hash_key", "range_key", "function", "role_arn", "log_group", "topic_arn"] : name => output.ingest[name] } == {
      processing_bucket = "eventpulse-processing-bucket"
      quarantine_bucket = "eventpulse-quarantine-bucket"
      table             = "event-pulse-table"
      hash_key          = "ArtistID"
      range_key         = "ItemID"
      function          = "eventpulse_process_json_lambda_function"
      role_arn          = "arn:aws:iam::111122223333:role/eventpulse_process_json_lambda_role"
      log_group         = "/aws/lambda/eventpulse_process_json_lambda_function"
      topic_arn         = "arn:aws:sns:us-east-1:111122223333:eventpulse_sns_alert_topic"
    }
    error_message = "got ${jsonencode(output.ingest)}"
  }

  assert {
    condition     = output.deployment.region == "us-east-1" && run.read_eventpulse.values.ingest.table.replica_regions == ["us-east-2"]
    error_message = "the table must be in us-east-1, with a replica in us-east-2"
  }

  # The event rule and the function policy use the old names.
  assert {
    condition = toset([
      for s in jsondecode(module.ingest[0].policies.function.effects).Statement : try(s.Resource, "") if can(regex("^(s3|dynamodb|sns):", s.Action)) && s.Sid != "ReadSchema"
      ]) == toset([
      "arn:aws:s3:::eventpulse-processing-bucket",
      "arn:aws:s3:::eventpulse-processing-bucket/*",
      "arn:aws:s3:::eventpulse-quarantine-bucket",
      "arn:aws:s3:::eventpulse-quarantine-bucket/*",
      "arn:aws:dynamodb:us-east-1:111122223333:table/event-pulse-table",
      "arn:aws:sns:us-east-1:111122223333:eventpulse_sns_alert_topic",
    ])
    error_message = "got ${module.ingest[0].policies.function.effects}"
  }
}

run "read_caa304" {
  module { source = "./tests/example" }
  variables { name = "caa304" }
}

# The names of the older deployment are kept.
run "caa304_keeps_its_names" {
  command = plan

  variables {
    project      = run.read_caa304.values.project
    environment  = run.read_caa304.values.environment
    region       = run.read_caa304.values.region
    alarm_emails = run.read_caa304.values.alarm_emails
    provenance   = run.read_caa304.values.provenance
  }

  assert {
    condition = { for name in ["data_bucket", "trail_bucket", "function", "log_group", "prefixes", "receipts_bucket"] : name => output.provenance[name] } == {
      data_bucket     = "caa304-raw-data"
      trail_bucket    = "caa304-cloudtrail-log"
      function        = "secure-provenance-lambda"
      log_group       = "/aws/lambda/secure-provenance-lambda"
      prefixes        = ["incoming/"]
      receipts_bucket = "caa304-prod-receipts-us-east-1-111122223333"
    }
    error_message = "got ${jsonencode(output.provenance)}"
  }

  # The function policy uses the old names.
  assert {
    condition = toset([for r in flatten([for s in jsondecode(module.provenance[0].policies.function.effects).Statement : s.Resource]) : r if startswith(r, "arn:aws:s3:")]) == toset([
      "arn:aws:s3:::caa304-raw-data",
      "arn:aws:s3:::caa304-raw-data/incoming/*",
      "arn:aws:s3:::caa304-prod-receipts-us-east-1-111122223333",
      "arn:aws:s3:::caa304-prod-receipts-us-east-1-111122223333/provenance/*",
      "arn:aws:s3:::caa304-prod-receipts-us-east-1-111122223333/journal/*",
    ])
    error_message = "got ${module.provenance[0].policies.function.effects}"
  }
}

run "read_both" {
  module { source = "./tests/example" }
  variables { name = "both" }
}

run "both_run_together" {
  command = plan

  variables {
    environment  = run.read_both.values.environment
    region       = run.read_both.values.region
    alarm_emails = run.read_both.values.alarm_emails
    ingest       = run.read_both.values.ingest
    provenance   = run.read_both.values.provenance
  }

  assert {
    condition     = [for watch in output.provenance.watched : watch.bucket] == [output.provenance.data_bucket, output.ingest.processing_bucket]
    error_message = "the processing bucket of ingest must be watched too: ${jsonencode(output.provenance.watched)}"
  }
}
