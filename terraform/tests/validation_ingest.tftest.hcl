# Validation of names, keys and schema of `ingest`.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "dev"
  region      = "eu-central-1"
  account_id  = "111122223333"

  alarm_emails = ["ops@example.org"]
  lambda_packages = {
    ingest = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
  }
}

# In us-east-1 S3 answers the second creation of a bucket with 200.
run "same_name_for_both_buckets" {
  command = plan
  variables {
    ingest = {
      processing_bucket = { name = "eventpulse-processing-bucket" }
      quarantine_bucket = { name = "eventpulse-processing-bucket" }
    }
  }
  expect_failures = [var.ingest]
}

run "bucket_with_capitals" {
  command = plan
  variables {
    ingest = { processing_bucket = { name = "Files" } }
  }
  expect_failures = [var.ingest]
}

run "bucket_with_dot" {
  command = plan
  variables {
    ingest = { quarantine_bucket = { name = "files.example" } }
  }
  expect_failures = [var.ingest]
}

# Dead letters must expire before the object versions that they refer to.
run "version_expires_before_its_dead_letter" {
  command = plan
  variables {
    ingest = { processing_bucket = { expire_noncurrent_days = 14 } }
  }
  expect_failures = [var.ingest]
}

run "quarantine_retention_too_short" {
  command = plan
  variables {
    ingest = { quarantine_bucket = { retention_days = 14 } }
  }
  expect_failures = [var.ingest]
}

run "quarantine_noncurrent_expiry_too_short" {
  command = plan
  variables {
    ingest = { quarantine_bucket = { expire_noncurrent_days = 0 } }
  }
  expect_failures = [var.ingest]
}

run "prefix_with_leading_slash" {
  command = plan
  variables {
    ingest = { prefix = "/incoming" }
  }
  expect_failures = [var.ingest]
}

run "prefix_with_empty_segment" {
  command = plan
  variables {
    ingest = { prefix = "a//b" }
  }
  expect_failures = [var.ingest]
}

run "prefix_with_wildcard" {
  command = plan
  variables {
    ingest = { prefix = "in*/" }
  }
  expect_failures = [var.ingest]
}

run "prefix_with_policy_variable" {
  command = plan
  variables {
    ingest = { prefix = "$${aws:username}/" }
  }
  expect_failures = [var.ingest]
}

run "prefix_is_reserved" {
  command = plan
  variables {
    ingest = { prefix = "_sluice/in" }
  }
  expect_failures = [var.ingest]
}

run "table_name_with_space" {
  command = plan
  variables {
    ingest = { table = { name = "event pulse" } }
  }
  expect_failures = [var.ingest]
}

run "range_key_equals_the_hash_key" {
  command = plan
  variables {
    ingest = {
      table       = { hash_key = "OrderID", range_key = "OrderID" }
      schema_file = "tests/schemas/order.json"
    }
  }
  expect_failures = [var.ingest]
}

run "empty_hash_key" {
  command = plan
  variables {
    ingest = {
      table       = { hash_key = "" }
      schema_file = "tests/schemas/order.json"
    }
  }
  expect_failures = [var.ingest]
}

run "key_is_the_reserved_attribute" {
  command = plan
  variables {
    ingest = {
      table       = { hash_key = "OrderID", range_key = "_source" }
      schema_file = "tests/schemas/order.json"
    }
  }
  expect_failures = [var.ingest]
}

# The default schema requires the keys of music items.
run "other_keys_without_a_schema" {
  command = plan
  variables {
    ingest = { table = { hash_key = "OrderID" } }
  }
  expect_failures = [var.ingest]
}

run "other_range_key_without_a_schema" {
  command = plan
  variables {
    ingest = { table = { range_key = "Title" } }
  }
  expect_failures = [var.ingest]
}

run "replica_in_the_own_region" {
  command = plan
  variables {
    ingest = { table = { replica_regions = ["us-east-2", "eu-central-1"] } }
  }
  expect_failures = [var.ingest]
}

run "replica_region_is_invalid" {
  command = plan
  variables {
    ingest = { table = { replica_regions = ["ohio"] } }
  }
  expect_failures = [var.ingest]
}

# The schema file can be missing or invalid.
run "schema_is_missing" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/none.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_is_not_json" {
  command = plan
  variables {
    ingest = { schema_file = "tests/package.txt" }
  }
  expect_failures = [var.ingest]
}

run "schema_is_not_an_object" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/list.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_refers_to_another_document" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/remote.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_refers_to_another_document_with_escapes" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/remote_escaped.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_defines_the_reserved_attribute" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/source.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_does_not_require_a_key" {
  command = plan
  variables {
    ingest = {
      table       = { hash_key = "OrderID", range_key = "Line" }
      schema_file = "tests/schemas/order.json"

      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }
  expect_failures = [check.schema_requires_the_keys]
}
