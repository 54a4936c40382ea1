# What stands beside the systems: the key, the alarm topic, and nothing else when all are off.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment  = "dev"
  region       = "eu-central-1"
  alarm_emails = ["ops@example.org"]
}

run "off_when_null" {
  command = plan

  assert {
    condition     = output.ingest == null && length(module.ingest) == 0 && output.provenance == null && length(module.provenance) == 0
    error_message = "a system that was not given must not be there"
  }

  assert {
    condition     = output.deployment == { project = "sluice", environment = "dev", region = "eu-central-1", account_id = "444455556666" }
    error_message = "without `account_id` the account is the one of the credentials: ${jsonencode(output.deployment)}"
  }
}

run "key_is_for_iam_and_for_alarms" {
  command = plan

  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation && aws_kms_alias.this[0].name == "alias/sluice-dev"
    error_message = "the key rotates and goes by the deployment's name, which statements name it by"
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
    error_message = "no wildcard action, not even for the account"
  }

  assert {
    condition     = contains(jsondecode(aws_kms_key.this[0].policy).Statement[0].Action, "kms:PutKeyPolicy")
    error_message = "nobody could change the key's policy any more"
  }

  assert {
    condition     = [for s in jsondecode(aws_kms_key.this[0].policy).Statement : s.Action if s.Sid != "AdministerKey"] == [["kms:Decrypt", "kms:GenerateDataKey"], ["kms:Decrypt", "kms:GenerateDataKey"]]
    error_message = "got ${aws_kms_key.this[0].policy}"
  }
}

run "alarms_reach_the_topic" {
  command = plan

  assert {
    condition     = module.alarm_topic.arn == "arn:aws:sns:eu-central-1:444455556666:sluice-dev-alarms"
    error_message = "got ${module.alarm_topic.arn}"
  }

  assert {
    condition = jsondecode(module.alarm_topic.this.policy).Statement == [
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
    error_message = "got ${module.alarm_topic.this.policy}"
  }
}

run "own_key_is_used" {
  command = plan

  variables {
    account_id  = "111122223333"
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/mine"
  }

  assert {
    condition     = length(aws_kms_key.this) == 0 && length(aws_kms_alias.this) == 0 && module.alarm_topic.this.kms_master_key_id == "arn:aws:kms:eu-central-1:111122223333:key/mine"
    error_message = "a key that is given is used, and none is made"
  }

  assert {
    condition     = length(data.aws_caller_identity.this) == 0 && output.deployment.account_id == "111122223333"
    error_message = "with `account_id` nothing is asked of AWS"
  }
}

# An address without confirmation hears nothing, and a plan says so.
run "unconfirmed_address" {
  command = plan

  override_resource {
    target          = module.alarm_topic.aws_sns_topic_subscription.email
    override_during = plan
    values          = { pending_confirmation = true }
  }

  expect_failures = [check.subscriptions_are_confirmed]
}
