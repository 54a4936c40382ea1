# Validation of the deployment's variables.
# Runs are slow and variables are validated independently, so one run tests several.

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

run "invalid_values" {
  command = plan
  module { source = "./modules/deployment" }
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
  module { source = "./modules/deployment" }
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:alias/x"
    environment = "dev_1"
  }
  expect_failures = [
    var.kms_key_arn,
    var.environment,
  ]
}

run "key_in_another_region_and_names_too_long_for_a_bucket" {
  command = plan
  module { source = "./modules/deployment" }
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

# Terraform does not build packages; the error message refers to scripts/package.
run "package_not_given" {
  command = plan
  module { source = "./modules/deployment" }
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
  module { source = "./modules/deployment" }
  variables {
    lambda_packages = { ingest = { path = "../dist/none.zip", sha256 = "00", architecture = "x86_64" } }
  }
  expect_failures = [
    var.lambda_packages,
  ]
}

run "package_does_not_match_its_hash" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    lambda_packages = { ingest = { path = "tests/package.txt", sha256 = "00", architecture = "x86_64" } }
  }
  expect_failures = [
    var.lambda_packages,
  ]
}

# Lambda accepts a package for another architecture, and then every invocation fails.
run "package_for_another_architecture" {
  command = plan
  module { source = "./modules/deployment" }
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
  module { source = "./modules/deployment" }
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

# The variables file of an older scripts/package has no architecture; a plan warns about it.
run "package_of_an_unknown_architecture" {
  command = plan
  module { source = "./modules/deployment" }
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

# Advisory checks warn and never block.
run "no_alarm_emails" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    alarm_emails = []
  }
  expect_failures = [
    check.alarm_emails_are_set,
  ]
}
