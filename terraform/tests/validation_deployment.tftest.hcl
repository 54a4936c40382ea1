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

  # The keys and the schema that are required.
  music = {
    table       = { hash_key = "ArtistID", range_key = "ItemID" }
    schema_file = "examples/eventpulse/music-item.schema.json"
  }

  # A role for everyone, because the advisory checks of a system fail a test of the deployment.
  people = {
    ingest     = { notify_emails = ["music@example.org"], uploader_principals = ["arn:aws:iam::111122223333:role/studio"], operator_principals = ["arn:aws:iam::111122223333:role/on-call"] }
    provenance = { auditor_principals = ["arn:aws:iam::111122223333:role/audit"], operator_principals = ["arn:aws:iam::111122223333:role/on-call"] }
  }
}

# Variables of the root module; the others are validated in modules/deployment.
run "invalid_values_of_the_root" {
  command = plan
  variables {
    region = "eu-central-1a"
    tags   = { "AWS:team" = "data" }
  }
  expect_failures = [
    var.region,
    var.tags,
  ]
}

run "invalid_values" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    project              = "Sluice"
    region               = "us-east-1"   # the provider has another one
    account_id           = "11122223333" # the leading zero is gone
    architecture         = "aarch64"
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

run "key_in_another_region" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/x"
  }
  expect_failures = [
    var.kms_key_arn,
  ]
}

# Terraform does not build packages; the error message refers to scripts/package.
run "package_not_given" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    lambda_packages = {}
    ingest = merge(var.music, {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
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

# The zip files are next to the file that lists them.
run "packages_file_without_its_zip" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    lambda_packages_file = "tests/packages_without_zip.json"
  }
  expect_failures = [
    var.lambda_packages_file,
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
    ingest = merge(var.music, {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
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
    ingest = merge(var.music, {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
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
    ingest = merge(var.music, {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
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

run "provenance_packages_not_given" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    provenance = var.people.provenance
  }
  expect_failures = [
    var.lambda_packages,
  ]
}

run "packages_file_does_not_exist" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    lambda_packages_file = "tests/none.json"
  }
  expect_failures = [
    var.lambda_packages_file,
  ]
}

# In us-east-1 S3 answers the second creation of a bucket with 200, so both systems would manage the same bucket.
run "two_systems_with_the_same_bucket" {
  command = plan
  module { source = "./modules/deployment" }
  variables {
    ingest     = merge(var.music, var.people.ingest, { processing_bucket = { name = "files-bucket" } })
    provenance = merge(var.people.provenance, { data_bucket = { name = "files-bucket" } })
    lambda_packages = {
      for name in ["ingest", "provenance", "ledger"] : name => { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
    }
  }
  expect_failures = [
    output.deployment,
  ]
}

# The root passes every variable on.
run "root" {
  command = plan
  variables {
    project              = "order-flow"
    environment          = "prod"
    architecture         = "arm64"
    log_retention_days   = 7
    permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
    role_path            = "/team/"
    regional_names       = true
    kms_key_arn          = "arn:aws:kms:eu-central-1:111122223333:key/mine"
    allow_destroy        = true
    ingest               = merge(var.music, var.people.ingest, { encryption = "sse-kms" })
    provenance           = merge(var.people.provenance, { watch_ingest = true })
    lambda_packages = {
      for name in ["ingest", "provenance", "ledger"] : name => { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "arm64" }
    }
  }

  assert {
    condition     = output.deployment == { project = "order-flow", environment = "prod", region = "eu-central-1", account_id = "111122223333" }
    error_message = "got ${jsonencode(output.deployment)}"
  }

  assert {
    condition = (
      output.ingest.role_arn == "arn:aws:iam::111122223333:role/team/order-flow-prod-ingest-eu-central-1" &&
      output.provenance.key_arn == "arn:aws:kms:eu-central-1:111122223333:key/mine" && length(output.provenance.watched) == 2
    )
    error_message = "got ${jsonencode([output.ingest.role_arn, output.provenance.key_arn, output.provenance.watched])}"
  }
}
