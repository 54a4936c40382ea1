# Variants of `provenance`: watching `ingest`, receipts in the data bucket, and values at the limits.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "dev"
  region      = "eu-central-1"
  account_id  = "111122223333"

  alarm_emails = ["ops@example.org"]
  lambda_packages = {
    ingest     = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
    provenance = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
    ledger     = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
  }

  # The keys and the schema that are required.
  music = {
    table       = { hash_key = "ArtistID", range_key = "ItemID" }
    schema_file = "examples/eventpulse/music-item.schema.json"
  }
}

# Both systems: the processing bucket of `ingest` is watched too, under its prefix, and read with its key.
run "with_the_ingest" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    ingest = merge(var.music, {
      prefix              = "music"
      encryption          = "sse-kms"
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
    provenance = {
      watch_ingest        = true
      encryption          = "sse-s3"
      auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }

  assert {
    condition = jsonencode(output.provenance.watched) == jsonencode([
      { bucket = "sluice-dev-data-eu-central-1-111122223333", prefixes = ["incoming/"] },
      { bucket = "sluice-dev-processing-eu-central-1-111122223333", prefixes = ["music/"] },
    ])
    error_message = "got ${jsonencode(output.provenance.watched)}"
  }

  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.function.effects).Statement : "${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", flatten([s.Resource]))} ${join(",", flatten([try(s.Condition.StringLike["s3:prefix"], [])]))}" if contains(["FindVersion", "FindVersionIngest", "ReadVersion"], s.Sid)
      ] == [
      "FindVersion s3:ListBucketVersions arn:aws:s3:::sluice-dev-data-eu-central-1-111122223333 incoming/*",
      "FindVersionIngest s3:ListBucketVersions arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333 music/*",
      "ReadVersion s3:GetObjectVersion arn:aws:s3:::sluice-dev-data-eu-central-1-111122223333/incoming/*,arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/music/* ",
    ]
    error_message = "got ${module.provenance[0].policies.function.effects}"
  }

  assert {
    condition     = [for s in jsondecode(module.provenance[0].policies.function.encrypted-buckets).Statement : "${s.Sid} ${s.Action} ${s.Resource}"] == ["ReadEncrypted kms:Decrypt arn:aws:kms:eu-central-1:111122223333:key/*"]
    error_message = "only the processing bucket is encrypted with the key: ${module.provenance[0].policies.function.encrypted-buckets}"
  }

  assert {
    condition = [for s in jsondecode(module.provenance[0].policies.queue).Statement : "${s.Sid} ${s.Condition.ArnEquals["aws:SourceArn"]}" if s.Effect == "Allow"] == [
      "TakeEvents arn:aws:events:eu-central-1:111122223333:rule/sluice-dev-provenance",
      "TakeEventsIngest arn:aws:events:eu-central-1:111122223333:rule/sluice-dev-provenance-ingest",
    ]
    error_message = "the two rules of provenance may send, and the rule of ingest may not: ${module.provenance[0].policies.queue}"
  }

  # Operators of `ingest` may write operator records and journal entries in the receipts bucket, and nothing else there.
  assert {
    condition = [
      for s in jsondecode(module.ingest[0].policies.operator.operate).Statement : "${s.Sid} ${s.Action} ${join(",", flatten([s.Resource]))}" if startswith(s.Sid, "Record")
      ] == [
      "RecordOperation s3:PutObject arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/journal/*,arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/operator/*",
    ]
    error_message = "got ${module.ingest[0].policies.operator.operate}"
  }

  # `aws s3 sync` of the whole bucket lists it with an empty prefix.
  assert {
    condition     = [for s in jsondecode(module.provenance[0].policies.auditor.audit).Statement : s.Condition.StringLike["s3:prefix"] if s.Sid == "ListLedger"] == [["", "journal/*", "ledger/*", "operator/*", "provenance/*"]]
    error_message = "got ${module.provenance[0].policies.auditor.audit}"
  }

  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.auditor.audit).Statement : "${s.Sid} ${s.Action} ${s.Resource}" if endswith(s.Sid, "Moved")
      ] == [
      "FindMoved s3:ListBucketVersions arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333",
      "ReadMoved s3:GetObjectVersion arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333/*",
    ]
    error_message = "the auditor must be able to read the quarantine bucket: ${module.provenance[0].policies.auditor.audit}"
  }

  assert {
    condition     = output.provenance.uploader_role_arn == null && output.provenance.key_arn == null && output.ingest.function == "sluice-dev-ingest"
    error_message = "a role without principals must not be created, and sse-s3 needs no key"
  }

  assert {
    condition     = length([for s in jsondecode(aws_kms_key.this[0].policy).Statement : s if s.Sid == "EncryptTrail"]) == 0
    error_message = "a trail without KMS encryption needs no key statement"
  }
}

# Receipts in the data bucket. Loops are prevented by the event rule, the bucket policy and the code.
run "receipts_in_the_data_bucket" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    provenance = {
      data_bucket         = { name = "caa304-raw-data" }
      receipts_bucket     = { in_data_bucket = true }
      auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }

  assert {
    condition     = output.provenance.receipts_bucket == "caa304-raw-data" && module.provenance[0].policies.receipts == null
    error_message = "receipts must be in the data bucket: ${output.provenance.receipts_bucket}"
  }

  assert {
    condition     = [for s in jsondecode(module.provenance[0].policies.data).Statement : s.Resource if s.Sid == "WriteOnce"] == [["arn:aws:s3:::caa304-raw-data/journal/*", "arn:aws:s3:::caa304-raw-data/ledger/*", "arn:aws:s3:::caa304-raw-data/operator/*", "arn:aws:s3:::caa304-raw-data/provenance/*"]]
    error_message = "got ${module.provenance[0].policies.data}"
  }

  assert {
    condition = alltrue([
      for s in jsondecode(module.provenance[0].policies.function.effects).Statement :
      alltrue([for r in flatten([s.Resource]) : !startswith(r, "arn:aws:s3:::caa304-raw-data/") || endswith(r, "/incoming/*")]) if s.Sid == "ReadVersion"
    ])
    error_message = "the function must not be able to read a receipt as a watched object: ${module.provenance[0].policies.function.effects}"
  }
}

# Values at the limits are valid.
run "limits_are_accepted" {
  command = plan
  module { source = "./modules/deployment" }

  override_data {
    target = data.aws_region.this
    values = { id = "ap-northeast-1" }
  }

  variables {
    region      = "ap-northeast-1"
    project     = "a-project-of-23"
    environment = "letters2"
    provenance = {
      data_bucket     = { expire_noncurrent_days = 15 }
      prefixes        = ["provenance-of-wine/", "a/journal"]
      receipts_bucket = { object_lock = { mode = "COMPLIANCE", days = 36500 }, journal_days = 3 }
      write_once      = false
      athena          = { scan_limit_mib = 10, results_days = 1 }
      trail           = { retention_days = 1 }
      memory_mb       = 128
      timeout_s       = 60
      batch_size      = 10000
      max_concurrency = 2

      auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }

  assert {
    condition     = length(output.provenance.receipts_bucket) <= 63 && length(output.provenance.trail_bucket) <= 63
    error_message = "23 characters of project and environment must fit in a bucket name: ${output.provenance.receipts_bucket}"
  }

  assert {
    condition     = [for s in jsondecode(module.provenance[0].policies.receipts).Statement : s.Sid] == ["DenyInsecureTransport"]
    error_message = "write_once = false must remove the statement: ${module.provenance[0].policies.receipts}"
  }
}

# The quarantine bucket is watched too; its rule, statements and alarms have a suffix. The trail logs management events.
run "watch_the_quarantine" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    ingest = merge(var.music, { prefix = "music", notify_emails = ["music@example.org"], uploader_principals = ["arn:aws:iam::111122223333:role/studio"], operator_principals = ["arn:aws:iam::111122223333:role/on-call"] })
    provenance = {
      watch = ["quarantine", "ingest"]
      trail = { management_events = true }

      auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }

  assert {
    condition = jsonencode(output.provenance.watched) == jsonencode([
      { bucket = "sluice-dev-data-eu-central-1-111122223333", prefixes = ["incoming/"] },
      { bucket = "sluice-dev-processing-eu-central-1-111122223333", prefixes = ["music/"] },
      { bucket = "sluice-dev-quarantine-eu-central-1-111122223333", prefixes = ["music/"] },
    ])
    error_message = "got ${jsonencode(output.provenance.watched)}"
  }

  assert {
    condition     = [for s in jsondecode(module.provenance[0].policies.queue).Statement : s.Sid if s.Effect == "Allow"] == ["TakeEvents", "TakeEventsIngest", "TakeEventsQuarantine"]
    error_message = "got ${module.provenance[0].policies.queue}"
  }
}
