# The provenance, refused where a plan can see that it is wrong.

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
}

# 003.5: AWS answers the second creation with 200.
run "data_and_trail_in_one_bucket" {
  command = plan
  variables {
    provenance = {
      data_bucket = { name = "caa304" }
      trail       = { bucket_name = "caa304" }
    }
  }
  expect_failures = [var.provenance]
}

# To keep receipts beside the data is a decision, not a coincidence of names.
run "receipts_by_the_datas_name" {
  command = plan
  variables {
    provenance = {
      data_bucket     = { name = "caa304-raw-data" }
      receipts_bucket = { name = "caa304-raw-data" }
    }
  }
  expect_failures = [var.provenance]
}

run "given_name_is_the_others" {
  command = plan
  variables {
    provenance = { trail = { bucket_name = "sluice-dev-queries-eu-central-1-111122223333" } }
  }
  expect_failures = [var.provenance]
}

run "in_data_bucket_with_a_name" {
  command = plan
  variables {
    provenance = { receipts_bucket = { in_data_bucket = true, name = "receipts" } }
  }
  expect_failures = [var.provenance]
}

run "bucket_with_dot" {
  command = plan
  variables {
    provenance = { trail = { bucket_name = "logs.example" } }
  }
  expect_failures = [var.provenance]
}

# 001.12: each of these would be a loop.
run "prefix_of_receipts" {
  command = plan
  variables {
    provenance = { prefixes = ["incoming/", "provenance/"] }
  }
  expect_failures = [var.provenance]
}

run "prefix_inside_the_ledger" {
  command = plan
  variables {
    provenance = { prefixes = ["ledger/in"] }
  }
  expect_failures = [var.provenance]
}

run "prefix_of_the_journal" {
  command = plan
  variables {
    provenance = { prefixes = ["journal"] }
  }
  expect_failures = [var.provenance]
}

run "whole_bucket" {
  command = plan
  variables {
    provenance = { prefixes = [""] }
  }
  expect_failures = [var.provenance]
}

run "no_prefix" {
  command = plan
  variables {
    provenance = { prefixes = [] }
  }
  expect_failures = [var.provenance]
}

run "prefix_with_slash_in_front" {
  command = plan
  variables {
    provenance = { prefixes = ["/incoming"] }
  }
  expect_failures = [var.provenance]
}

run "prefix_with_wildcard" {
  command = plan
  variables {
    provenance = { prefixes = ["in*/"] }
  }
  expect_failures = [var.provenance]
}

run "prefix_with_quote" {
  command = plan
  variables {
    provenance = { prefixes = ["in' OR '1"] }
  }
  expect_failures = [var.provenance]
}

run "prefix_twice" {
  command = plan
  variables {
    provenance = { prefixes = ["incoming", "incoming/"] }
  }
  expect_failures = [var.provenance]
}

run "watched_ingest_is_off" {
  command = plan
  variables {
    provenance = { watch_ingest = true }
  }
  expect_failures = [var.provenance]
}

run "version_dies_before_its_dead_letter" {
  command = plan
  variables {
    provenance = { data_bucket = { expire_noncurrent_days = 14 } }
  }
  expect_failures = [var.provenance]
}

# In one bucket, what is done to files is done to receipts.
run "receipts_expire_with_the_data" {
  command = plan
  variables {
    provenance = {
      data_bucket     = { expire_noncurrent_days = 30 }
      receipts_bucket = { in_data_bucket = true }
    }
  }
  expect_failures = [var.provenance]
}

run "lock_of_the_data" {
  command = plan
  variables {
    provenance = { receipts_bucket = { in_data_bucket = true, object_lock = { mode = "GOVERNANCE", days = 30 } } }
  }
  expect_failures = [var.provenance]
}

run "force_destroy_of_no_bucket" {
  command = plan
  variables {
    provenance = { receipts_bucket = { in_data_bucket = true, force_destroy = true } }
  }
  expect_failures = [var.provenance]
}

run "lock_of_no_mode" {
  command = plan
  variables {
    provenance = { receipts_bucket = { object_lock = { mode = "governance", days = 30 } } }
  }
  expect_failures = [var.provenance]
}

run "lock_of_no_days" {
  command = plan
  variables {
    provenance = { receipts_bucket = { object_lock = { mode = "GOVERNANCE", days = 0 } } }
  }
  expect_failures = [var.provenance]
}

run "compliance_that_is_destroyed" {
  command = plan
  variables {
    provenance = { receipts_bucket = { force_destroy = true, object_lock = { mode = "COMPLIANCE", days = 30 } } }
  }
  expect_failures = [var.provenance]
}

run "journal_forgets_before_its_manifest" {
  command = plan
  variables {
    provenance = { receipts_bucket = { journal_days = 2 } }
  }
  expect_failures = [var.provenance]
}

run "trail_keeps_nothing" {
  command = plan
  variables {
    provenance = { trail = { retention_days = 0 } }
  }
  expect_failures = [var.provenance]
}

run "answers_are_not_kept" {
  command = plan
  variables {
    provenance = { athena = { results_days = 0 } }
  }
  expect_failures = [var.provenance]
}

run "limit_below_athenas" {
  command = plan
  variables {
    provenance = { athena = { scan_limit_mib = 9 } }
  }
  expect_failures = [var.provenance]
}

run "encryption_misspelt" {
  command = plan
  variables {
    provenance = { encryption = "kms" }
  }
  expect_failures = [var.provenance]
}

run "principal_with_wildcard" {
  command = plan
  variables {
    provenance = { auditor_principals = ["arn:aws:iam::111122223333:role/*"] }
  }
  expect_failures = [var.provenance]
}

# 001.6: a session is not a principal that stays; its role is.
run "principal_is_a_session" {
  command = plan
  variables {
    provenance = { uploader_principals = ["arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_X/ada"] }
  }
  expect_failures = [var.provenance]
}

run "too_little_memory" {
  command = plan
  variables {
    provenance = { memory_mb = 127 }
  }
  expect_failures = [var.provenance]
}

# Six times as long must be a visibility that SQS has.
run "runs_longer_than_lambda" {
  command = plan
  variables {
    provenance = { timeout_s = 901 }
  }
  expect_failures = [var.provenance]
}

run "runs_too_short_to_hash" {
  command = plan
  variables {
    provenance = { timeout_s = 59 }
  }
  expect_failures = [var.provenance]
}

run "empty_batch" {
  command = plan
  variables {
    provenance = { batch_size = 0 }
  }
  expect_failures = [var.provenance]
}

run "concurrency_of_one" {
  command = plan
  variables {
    provenance = { max_concurrency = 1 }
  }
  expect_failures = [var.provenance]
}

run "queue_too_long_for_its_dead_letters" {
  command = plan
  variables {
    provenance = { names = { queue = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq" } }
  }
  expect_failures = [var.provenance]
}

run "database_with_hyphen" {
  command = plan
  variables {
    provenance = { names = { database = "caa304-prod" } }
  }
  expect_failures = [var.provenance]
}

# Whoever writes receipts must not be who signs for them.
run "one_role_for_both" {
  command = plan
  variables {
    provenance = { names = { ledger_role = "sluice-dev-provenance" } }
  }
  expect_failures = [var.provenance]
}

# Two systems, one bucket: by a given name, or by the ingest's derived one.
run "data_in_the_ingests_bucket" {
  command = plan
  variables {
    ingest = {
      processing_bucket   = { name = "files" }
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
    provenance = { data_bucket = { name = "files" } }
  }
  expect_failures = [var.provenance]
}

run "watched_ingest_under_a_prefix_of_receipts" {
  command = plan
  variables {
    ingest = {
      prefix              = "ledger/in"
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
    provenance = { watch_ingest = true }
  }
  expect_failures = [var.provenance]
}

run "packages_not_given" {
  command = plan
  variables {
    lambda_packages = { ingest = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" } }
    provenance = {
      auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }
  expect_failures = [var.lambda_packages]
}
