# Names, keys and schema of the ingest, refused where a plan can see that they are wrong.

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

# 003.5: AWS answered the second creation with 200, and a later rename replaced the bucket.
run "one_name_for_both_buckets" {
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

# Retentions are ordered: message before version, move before its traces.
run "version_dies_before_its_dead_letter" {
  command = plan
  variables {
    ingest = { processing_bucket = { expire_noncurrent_days = 14 } }
  }
  expect_failures = [var.ingest]
}

run "quarantine_forgets_too_soon" {
  command = plan
  variables {
    ingest = { quarantine_bucket = { retention_days = 14 } }
  }
  expect_failures = [var.ingest]
}

run "quarantine_keeps_nothing" {
  command = plan
  variables {
    ingest = { quarantine_bucket = { expire_noncurrent_days = 0 } }
  }
  expect_failures = [var.ingest]
}

run "prefix_with_slash_in_front" {
  command = plan
  variables {
    ingest = { prefix = "/incoming" }
  }
  expect_failures = [var.ingest]
}

run "prefix_with_empty_part" {
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

run "prefix_of_the_project" {
  command = plan
  variables {
    ingest = { prefix = "_sluice/in" }
  }
  expect_failures = [var.ingest]
}

run "table_with_blank" {
  command = plan
  variables {
    ingest = { table = { name = "event pulse" } }
  }
  expect_failures = [var.ingest]
}

# 003.6
run "range_key_is_the_hash_key" {
  command = plan
  variables {
    ingest = {
      table       = { hash_key = "OrderID", range_key = "OrderID" }
      schema_file = "tests/schemas/order.json"
    }
  }
  expect_failures = [var.ingest]
}

run "no_hash_key" {
  command = plan
  variables {
    ingest = {
      table       = { hash_key = "" }
      schema_file = "tests/schemas/order.json"
    }
  }
  expect_failures = [var.ingest]
}

run "key_takes_the_place_of_the_origin" {
  command = plan
  variables {
    ingest = {
      table       = { hash_key = "OrderID", range_key = "_source" }
      schema_file = "tests/schemas/order.json"
    }
  }
  expect_failures = [var.ingest]
}

# 003.8: the default schema is of music items.
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

# 003.7
run "replica_at_home" {
  command = plan
  variables {
    ingest = { table = { replica_regions = ["us-east-2", "eu-central-1"] } }
  }
  expect_failures = [var.ingest]
}

run "replica_nowhere" {
  command = plan
  variables {
    ingest = { table = { replica_regions = ["ohio"] } }
  }
  expect_failures = [var.ingest]
}

# 003.12: the rules are a file, and a file can be wrong.
run "schema_is_missing" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/none.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_is_no_json" {
  command = plan
  variables {
    ingest = { schema_file = "tests/package.txt" }
  }
  expect_failures = [var.ingest]
}

run "schema_is_no_object" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/list.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_refers_elsewhere" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/remote.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_hides_where_it_refers" {
  command = plan
  variables {
    ingest = { schema_file = "tests/schemas/remote_escaped.json" }
  }
  expect_failures = [var.ingest]
}

run "schema_takes_the_place_of_the_origin" {
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
