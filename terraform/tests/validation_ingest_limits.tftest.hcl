# Validation of limits, principals and modes of `ingest`.

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

run "max_object_too_large" {
  command = plan
  variables {
    ingest = { max_object_mib = 1281 }
  }
  expect_failures = [var.ingest]
}

run "max_object_zero" {
  command = plan
  variables {
    ingest = { max_object_mib = 0 }
  }
  expect_failures = [var.ingest]
}

run "unknown_outcome" {
  command = plan
  variables {
    ingest = { notify_on = ["invalid", "broken"] }
  }
  expect_failures = [var.ingest]
}

run "notify_email_is_invalid" {
  command = plan
  variables {
    ingest = { notify_emails = ["music"] }
  }
  expect_failures = [var.ingest]
}

# Principals must be specific.
run "uploader_is_a_session" {
  command = plan
  variables {
    ingest = { uploader_principals = ["arn:aws:sts::111122223333:assumed-role/a/b"] }
  }
  expect_failures = [var.ingest]
}

run "operator_is_any_principal" {
  command = plan
  variables {
    ingest = { operator_principals = ["*"] }
  }
  expect_failures = [var.ingest]
}

run "operator_has_a_wildcard" {
  command = plan
  variables {
    ingest = { operator_principals = ["arn:aws:iam::111122223333:role/team-*"] }
  }
  expect_failures = [var.ingest]
}

run "unknown_encryption" {
  command = plan
  variables {
    ingest = { encryption = "aes256" }
  }
  expect_failures = [var.ingest]
}

run "memory_too_small" {
  command = plan
  variables {
    ingest = { memory_mb = 127 }
  }
  expect_failures = [var.ingest]
}

run "memory_too_large" {
  command = plan
  variables {
    ingest = { memory_mb = 10241 }
  }
  expect_failures = [var.ingest]
}

# The visibility timeout is six times the function timeout, which Lambda limits to 900 s.
run "timeout_too_short" {
  command = plan
  variables {
    ingest = { timeout_s = 2 }
  }
  expect_failures = [var.ingest]
}

run "timeout_too_long" {
  command = plan
  variables {
    ingest = { timeout_s = 901 }
  }
  expect_failures = [var.ingest]
}

run "batch_too_small" {
  command = plan
  variables {
    ingest = { batch_size = 0 }
  }
  expect_failures = [var.ingest]
}

run "batch_too_large" {
  command = plan
  variables {
    ingest = { batch_size = 10001 }
  }
  expect_failures = [var.ingest]
}

run "concurrency_too_small" {
  command = plan
  variables {
    ingest = { max_concurrency = 1 }
  }
  expect_failures = [var.ingest]
}

run "concurrency_too_large" {
  command = plan
  variables {
    ingest = { max_concurrency = 1001 }
  }
  expect_failures = [var.ingest]
}

run "function_name_too_long" {
  command = plan
  variables {
    ingest = {
      names = { function = "a_name_of_more_than_sixty_four_characters_is_more_than_lambda_takes" }
    }
  }
  expect_failures = [var.ingest]
}

run "queue_name_with_dot" {
  command = plan
  variables {
    ingest = { names = { queue = "my.queue" } }
  }
  expect_failures = [var.ingest]
}

# Advisory checks warn about missing principals and notification addresses.
run "no_principals_and_no_addresses" {
  command = plan
  variables {
    ingest = {}
  }
  expect_failures = [check.ingest_has_an_uploader_role, check.ingest_has_an_operator_role, check.notify_emails_are_set]
}

run "max_object_does_not_fit_in_memory" {
  command = plan

  variables {
    ingest = { max_object_mib = 65 }
  }

  expect_failures = [var.ingest]
}
