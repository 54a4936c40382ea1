# Resources outside the systems: the KMS key and the alarm topic.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment  = "dev"
  region       = "eu-central-1"
  alarm_emails = ["ops@example.org"]
}

run "no_system_when_null" {
  command = plan
  module { source = "./modules/deployment" }

  assert {
    condition     = output.ingest == null && length(module.ingest) == 0 && output.provenance == null && length(module.provenance) == 0
    error_message = "a system that is null must not be deployed"
  }

  assert {
    condition     = output.deployment == { project = "sluice", environment = "dev", region = "eu-central-1", account_id = "444455556666" }
    error_message = "without `account_id` the account of the credentials must be used: ${jsonencode(output.deployment)}"
  }
}

run "key_allows_iam_and_alarms" {
  command = plan
  module { source = "./modules/deployment" }

  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation && aws_kms_alias.this[0].name == "alias/sluice-dev"
    error_message = "the key must rotate and have the alias that policy statements use"
  }

  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this[0].policy).Statement :
      "${s.Sid}: ${jsonencode(s.Principal)} ${jsonencode(try(s.Condition, null))}"
      ] == [
      "AdministerKey: {\"AWS\":\"arn:aws:iam::444455556666:root\"} null",
      "UseKeyThroughIam: {\"AWS\":\"arn:aws:iam::444455556666:root\"} null",
      "EncryptAlarmNotices: {\"Service\":\"cloudwatch.amazonaws.com\"} {\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:cloudwatch:eu-central-1:444455556666:alarm:sluice-dev-*\"},\"StringEquals\":{\"aws:SourceAccount\":\"444455556666\"}}",
    ]
    error_message = "got ${aws_kms_key.this[0].policy}"
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_kms_key.this[0].policy).Statement : alltrue([for action in s.Action : !strcontains(action, "*")])])
    error_message = "no statement may have a wildcard action, including that of the account"
  }

  assert {
    condition     = contains(jsondecode(aws_kms_key.this[0].policy).Statement[0].Action, "kms:PutKeyPolicy")
    error_message = "the account must be able to change the key policy"
  }

  assert {
    condition     = [for s in jsondecode(aws_kms_key.this[0].policy).Statement : s.Action if s.Sid != "AdministerKey"] == [["kms:Decrypt", "kms:GenerateDataKey"], ["kms:Decrypt", "kms:GenerateDataKey"]]
    error_message = "got ${aws_kms_key.this[0].policy}"
  }
}

run "alarms_reach_the_topic" {
  command = plan
  module { source = "./modules/deployment" }

  assert {
    condition     = module.alarm_topic.arn == "arn:aws:sns:eu-central-1:444455556666:sluice-dev-alarms"
    error_message = "got ${module.alarm_topic.arn}"
  }

  assert {
    condition = jsondecode(module.alarm_topic.policy).Statement == [
      {
        Sid       = "DenyInsecureTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:eu-central-1:444455556666:sluice-dev-alarms"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "PublishAlarm"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:eu-central-1:444455556666:sluice-dev-alarms"
        Condition = {
          StringEquals = { "aws:SourceAccount" = "444455556666" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:eu-central-1:444455556666:alarm:sluice-dev-*" }
        }
      },
    ]
    error_message = "got ${module.alarm_topic.policy}"
  }
}

run "given_key_is_used" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    account_id  = "111122223333"
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/mine"
  }

  assert {
    condition     = length(aws_kms_key.this) == 0 && length(aws_kms_alias.this) == 0
    error_message = "no key may be created if one is given"
  }

  assert {
    condition     = length(data.aws_caller_identity.this) == 0 && output.deployment.account_id == "111122223333"
    error_message = "with `account_id` no data source may call AWS"
  }
}

# A plan warns about email addresses that are not confirmed.
run "unconfirmed_address" {
  command = plan
  module { source = "./modules/deployment" }

  override_resource {
    target          = module.alarm_topic.aws_sns_topic_subscription.email
    override_during = plan
    values          = { pending_confirmation = true }
  }

  expect_failures = [check.subscriptions_are_confirmed]
}
