# Validation of `provenance`.

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

# In us-east-1 S3 answers the second creation of a bucket with 200.
run "same_name_for_data_and_trail_bucket" {
  command = plan
  variables {
    provenance = {
      data_bucket = { name = "caa304" }
      trail       = { bucket_name = "caa304" }
    }
  }
  expect_failures = [var.provenance]
}

# Receipts in the data bucket must be requested with `in_data_bucket`, not by using the same name.
run "same_name_for_data_and_receipts_bucket" {
  command = plan
  variables {
    provenance = {
      data_bucket     = { name = "caa304-raw-data" }
      receipts_bucket = { name = "caa304-raw-data" }
    }
  }
  expect_failures = [var.provenance]
}

run "bucket_name_equals_the_default_of_another" {
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

# Each of these prefixes would cause a loop.
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

run "empty_list_of_prefixes" {
  command = plan
  variables {
    provenance = { prefixes = [] }
  }
  expect_failures = [var.provenance]
}

run "prefix_with_leading_slash" {
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

run "watch_ingest_without_ingest" {
  command = plan
  variables {
    provenance = { watch_ingest = true }
  }
  expect_failures = [var.provenance]
}

run "version_expires_before_its_dead_letter" {
  command = plan
  variables {
    provenance = { data_bucket = { expire_noncurrent_days = 14 } }
  }
  expect_failures = [var.provenance]
}

# In a shared bucket, lifecycle and lock settings apply to receipts too.
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

run "object_lock_on_the_data_bucket" {
  command = plan
  variables {
    provenance = { receipts_bucket = { in_data_bucket = true, object_lock = { mode = "GOVERNANCE", days = 30 } } }
  }
  expect_failures = [var.provenance]
}

run "force_destroy_without_a_receipts_bucket" {
  command = plan
  variables {
    provenance = { receipts_bucket = { in_data_bucket = true, force_destroy = true } }
  }
  expect_failures = [var.provenance]
}

run "object_lock_mode_is_invalid" {
  command = plan
  variables {
    provenance = { receipts_bucket = { object_lock = { mode = "governance", days = 30 } } }
  }
  expect_failures = [var.provenance]
}

run "object_lock_days_zero" {
  command = plan
  variables {
    provenance = { receipts_bucket = { object_lock = { mode = "GOVERNANCE", days = 0 } } }
  }
  expect_failures = [var.provenance]
}

run "force_destroy_with_compliance_lock" {
  command = plan
  variables {
    provenance = { receipts_bucket = { force_destroy = true, object_lock = { mode = "COMPLIANCE", days = 30 } } }
  }
  expect_failures = [var.provenance]
}

run "journal_retention_too_short" {
  command = plan
  variables {
    provenance = { receipts_bucket = { journal_days = 2 } }
  }
  expect_failures = [var.provenance]
}

run "trail_retention_too_short" {
  command = plan
  variables {
    provenance = { trail = { retention_days = 0 } }
  }
  expect_failures = [var.provenance]
}

run "query_results_retention_too_short" {
  command = plan
  variables {
    provenance = { athena = { results_days = 0 } }
  }
  expect_failures = [var.provenance]
}

run "scan_limit_below_the_minimum" {
  command = plan
  variables {
    provenance = { athena = { scan_limit_mib = 9 } }
  }
  expect_failures = [var.provenance]
}

run "unknown_encryption" {
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

# Sessions are temporary: the principal is the role.
run "principal_is_a_session" {
  command = plan
  variables {
    provenance = { uploader_principals = ["arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_X/ada"] }
  }
  expect_failures = [var.provenance]
}

run "memory_too_small" {
  command = plan
  variables {
    provenance = { memory_mb = 127 }
  }
  expect_failures = [var.provenance]
}

# Six times the timeout must be a valid visibility timeout.
run "timeout_too_long" {
  command = plan
  variables {
    provenance = { timeout_s = 901 }
  }
  expect_failures = [var.provenance]
}

run "timeout_too_short" {
  command = plan
  variables {
    provenance = { timeout_s = 59 }
  }
  expect_failures = [var.provenance]
}

run "batch_too_small" {
  command = plan
  variables {
    provenance = { batch_size = 0 }
  }
  expect_failures = [var.provenance]
}

run "concurrency_too_small" {
  command = plan
  variables {
    provenance = { max_concurrency = 1 }
  }
  expect_failures = [var.provenance]
}

run "queue_name_too_long" {
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

# The function that writes receipts must not have the role that signs manifests.
run "same_role_for_function_and_ledger" {
  command = plan
  variables {
    provenance = { names = { ledger_role = "sluice-dev-provenance" } }
  }
  expect_failures = [var.provenance]
}

# A bucket of `provenance` has the name of a bucket of `ingest`.
run "same_name_for_data_and_processing_bucket" {
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

run "watched_ingest_prefix_is_reserved" {
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
