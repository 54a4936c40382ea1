# What every system shares, refused where a plan can see that it is wrong.
# Runs are slow, and each variable answers for itself: one run breaks several.

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

run "wrong_shapes" {
  command = plan
  variables {
    project              = "Sluice"
    region               = "eu-central-1a"
    account_id           = "11122223333" # the leading zero is gone
    architecture         = "aarch64"
    tags                 = { "AWS:team" = "data" }
    log_retention_days   = 31
    permissions_boundary = "arn:aws:iam::111122223333:role/not-a-policy"
    role_path            = "/team"
    alarm_emails         = ["ops"]
  }
  expect_failures = [
    var.project,
    var.region,
    var.account_id,
    var.architecture,
    var.tags,
    var.log_retention_days,
    var.permissions_boundary,
    var.role_path,
    var.alarm_emails,
  ]
}

run "key_is_an_alias_and_environment_has_an_underscore" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:alias/x"
    environment = "dev_1"
  }
  expect_failures = [
    var.kms_key_arn,
    var.environment,
  ]
}

run "key_elsewhere_and_names_too_long_for_a_bucket" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/x"
    project     = "sluice-of-the-palace"
    environment = "prod"
  }
  expect_failures = [
    var.kms_key_arn,
    var.environment,
  ]
}

# 003.19: the seed zipped while planning. Terraform builds nothing; what is missing names scripts/package.
run "package_not_given" {
  command = plan
  variables {
    lambda_packages = {}
    ingest = {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }
  expect_failures = [
    var.lambda_packages,
  ]
}

run "package_not_built" {
  command = plan
  variables {
    lambda_packages = { ingest = { path = "../dist/none.zip", sha256 = "00", architecture = "x86_64" } }
  }
  expect_failures = [
    var.lambda_packages,
  ]
}

run "package_is_another" {
  command = plan
  variables {
    lambda_packages = { ingest = { path = "tests/package.txt", sha256 = "00", architecture = "x86_64" } }
  }
  expect_failures = [
    var.lambda_packages,
  ]
}

# Lambda takes the zip of another architecture, and no invocation starts.
run "package_for_another_architecture" {
  command = plan
  variables {
    architecture = "arm64"
    ingest = {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }
  expect_failures = [
    var.lambda_packages,
  ]
}

run "package_for_this_architecture" {
  command = plan
  variables {
    architecture = "arm64"
    ingest = {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
    lambda_packages = { ingest = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "arm64" } }
  }

  assert {
    condition     = output.ingest.function == "sluice-dev-ingest"
    error_message = "got ${jsonencode(output.ingest)}"
  }
}

# A variables file of an older scripts/package: unknown, and a plan says so.
run "package_of_an_unknown_architecture" {
  command = plan
  variables {
    ingest = {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
    lambda_packages = { ingest = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt") } }
  }
  expect_failures = [
    check.packages_have_an_architecture,
  ]
}

# Soft facts warn and never block.
run "nobody_hears_alarms" {
  command = plan
  variables {
    alarm_emails = []
  }
  expect_failures = [
    check.alarm_emails_are_set,
  ]
}
