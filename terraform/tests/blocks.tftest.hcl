# The building-block modules, each on its own.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "thing"
  deployment = {
    partition            = "aws-cn"
    region               = "cn-north-1"
    account_id           = "111122223333"
    architecture         = "arm64"
    log_retention_days   = 7
    role_path            = "/team/"
    permissions_boundary = "arn:aws-cn:iam::111122223333:policy/boundary"
  }
}

# Always versioned, public access blocked, ACLs disabled, TLS required.
run "bucket" {
  command = plan
  module { source = "./modules/bucket" }
  variables {
    force_destroy          = false
    expire_noncurrent_days = 30
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "versioning must be enabled"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "all four public access settings must be enabled"
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must be disabled"
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement == [{
      Sid       = "DenyInsecureTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws-cn:s3:::thing", "arn:aws-cn:s3:::thing/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "got ${aws_s3_bucket_policy.this.policy}"
  }

  assert {
    condition     = !aws_s3_bucket.this.object_lock_enabled && length(aws_s3_bucket_object_lock_configuration.this) == 0
    error_message = "Object Lock must be off by default, because it cannot be disabled"
  }

  assert {
    condition     = one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.abort_incomplete_multipart_upload[0].days_after_initiation if r.id == "abort-multipart"]) == 7
    error_message = "incomplete multipart uploads must expire"
  }

  assert {
    condition     = alltrue([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.status == "Enabled"]) && output.arn == "arn:aws-cn:s3:::thing"
    error_message = "lifecycle rules must be enabled, and the ARN must use the partition"
  }
}

# A bucket for evidence: Object Lock, statements of its own, and expiry of one prefix only.
run "bucket_with_object_lock" {
  command = plan
  module { source = "./modules/bucket" }
  variables {
    force_destroy          = false
    expire_noncurrent_days = null
    expire_prefixes        = { "journal/" = 30 }
    object_lock            = { mode = "GOVERNANCE", days = 365 }
    statements = [
      { Sid = "One", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws-cn:s3:::thing/*" },
      { Sid = "Two", Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:GetBucketAcl", Resource = "arn:aws-cn:s3:::thing", Condition = { StringEquals = { "aws:SourceArn" = "a" } } },
    ]
  }

  assert {
    condition = (
      aws_s3_bucket.this.object_lock_enabled &&
      aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "GOVERNANCE" &&
      aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].days == 365
    )
    error_message = "every version must be locked for the given number of days"
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Sid] == ["DenyInsecureTransport", "One", "Two"]
    error_message = "got ${aws_s3_bucket_policy.this.policy}"
  }

  assert {
    condition = {
      for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.id => try("${r.filter[0].prefix} ${r.expiration[0].days} ${r.noncurrent_version_expiration[0].noncurrent_days}", "")
    } == { "abort-multipart" = "", "remove-expired-delete-markers" = "", "expire-journal" = "journal/ 30 1" }
    error_message = "got ${jsonencode(aws_s3_bucket_lifecycle_configuration.this.rule)}"
  }
}

run "queue" {
  command = plan
  module { source = "./modules/queue" }
  variables {
    retention_s = 60
  }

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && output.arn == "arn:aws-cn:sqs:cn-north-1:111122223333:thing"
    error_message = "the queue must be encrypted and its ARN built from names: ${output.arn}"
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue.this.policy).Statement : "${s.Effect} ${s.Action} ${s.Resource}"] == ["Deny sqs:* arn:aws-cn:sqs:cn-north-1:111122223333:thing"]
    error_message = "without senders the policy must contain DenyInsecureTransport only: ${aws_sqs_queue.this.policy}"
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_allow_policy) == { redrivePermission = "denyAll" }
    error_message = "a queue that is not a dead-letter queue must deny redrive"
  }
}

run "role" {
  command = plan
  module { source = "./modules/role" }
  variables {
    description = "for a test"
    trusted     = { Service = ["lambda.amazonaws.com"] }
    policies    = { one = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  assert {
    condition = (
      aws_iam_role.this.path == "/team/" && aws_iam_role.this.permissions_boundary == "arn:aws-cn:iam::111122223333:policy/boundary" &&
      output.arn == "arn:aws-cn:iam::111122223333:role/team/thing"
    )
    error_message = "every role must have the path and the permissions boundary: ${output.arn}"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid       = "AssumeRole"
      Effect    = "Allow"
      Principal = { Service = ["lambda.amazonaws.com"] }
      Action    = "sts:AssumeRole"
    }]
    error_message = "got ${aws_iam_role.this.assume_role_policy}"
  }

  # Managed policies such as AmazonS3FullAccess are removed by the next apply.
  assert {
    condition = (
      keys(aws_iam_role_policy.this) == ["one"] &&
      aws_iam_role_policies_exclusive.this.policy_names == toset(["one"]) &&
      length(aws_iam_role_policy_attachments_exclusive.this.policy_arns) == 0
    )
    error_message = "the role must have its own inline policies only"
  }
}

run "function" {
  command = plan
  module { source = "./modules/function" }
  variables {
    role_name = "thing-role"
    package   = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt") }
    policy    = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    memory_mb = 128
    timeout_s = 3
  }

  assert {
    condition = (
      aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.architectures == tolist(["arm64"]) &&
      aws_lambda_function.this.source_code_hash == filebase64sha256("tests/package.txt") &&
      aws_lambda_function.this.role == "arn:aws-cn:iam::111122223333:role/team/thing-role"
    )
    error_message = "the function must use the given package and its own role"
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/thing" && aws_cloudwatch_log_group.this.retention_in_days == 7 && aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/thing"
    error_message = "the log group must be created before the function, with a retention period"
  }

  assert {
    condition     = aws_lambda_function_recursion_config.this.recursive_loop == "Terminate"
    error_message = "recursive loops must be terminated"
  }

  assert {
    condition     = keys(output.policies) == ["effects", "logs"]
    error_message = "the role must have the policy of the code and the logging permissions"
  }
}

# Use of the key for encrypted buckets is a policy of its own, with only what is needed.
run "role_that_reads_encrypted_buckets" {
  command = plan
  module { source = "./modules/role" }
  variables {
    description       = "for a test"
    trusted           = { Service = ["lambda.amazonaws.com"] }
    policies          = { one = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
    key               = { resource = "arn:aws-cn:kms:cn-north-1:111122223333:key/*", via_s3 = { StringEquals = { "kms:ViaService" = ["s3.cn-north-1.amazonaws.com.cn"] } } }
    encrypted_buckets = { read = true, write = false }
  }

  assert {
    condition     = keys(output.policies) == ["encrypted-buckets", "one"] && aws_iam_role_policies_exclusive.this.policy_names == toset(["encrypted-buckets", "one"])
    error_message = "got ${jsonencode(output.policies)}"
  }

  assert {
    condition = jsondecode(output.policies.encrypted-buckets).Statement == [{
      Sid       = "ReadEncrypted"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = "arn:aws-cn:kms:cn-north-1:111122223333:key/*"
      Condition = { StringEquals = { "kms:ViaService" = ["s3.cn-north-1.amazonaws.com.cn"] } }
    }]
    error_message = "got ${output.policies.encrypted-buckets}"
  }
}

run "role_that_writes_encrypted_buckets" {
  command = plan
  module { source = "./modules/role" }
  variables {
    description       = "for a test"
    trusted           = { Service = ["lambda.amazonaws.com"] }
    policies          = {}
    key               = { resource = "arn:aws-cn:kms:cn-north-1:111122223333:key/*", via_s3 = {} }
    encrypted_buckets = { read = true, write = true }
  }

  assert {
    condition     = [for s in jsondecode(output.policies.encrypted-buckets).Statement : "${s.Sid} ${s.Action}"] == ["ReadEncrypted kms:Decrypt", "WriteEncrypted kms:GenerateDataKey"]
    error_message = "got ${output.policies.encrypted-buckets}"
  }
}

run "topic" {
  command = plan
  module { source = "./modules/topic" }
  variables {
    key_arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/mine"
    emails  = ["ops@example.org", "music@example.org"]
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == "arn:aws-cn:kms:cn-north-1:111122223333:key/mine" && keys(aws_sns_topic_subscription.email) == ["music@example.org", "ops@example.org"]
    error_message = "the topic must be encrypted and have every address as a subscriber"
  }
}

# Two buckets: one by prefix, and all of the other one but `_sluice/`.
run "object_consumer" {
  command = plan
  module { source = "./modules/object-consumer" }
  variables {
    alarm_topic_arn = "arn:aws-cn:sns:cn-north-1:111122223333:alarms"
    rule_name       = "created"
    queue_name      = "objects"
    function        = { name = "thing", arn = "arn:aws-cn:lambda:cn-north-1:111122223333:function:thing", log_group = "/aws/lambda/thing", timeout_s = 10 }
    batch_size      = 11
    max_concurrency = 7
    commands        = { redrive = "sluice redrive", replay = "sluice backfill --missing" }
    sources = {
      files = { bucket = "files", prefixes = ["in/"] }
      other = { bucket = "other", prefixes = [], suffix = "-other-files" }
    }
  }

  assert {
    condition = { for key, rule in aws_cloudwatch_event_rule.this : rule.name => jsondecode(rule.event_pattern).detail } == {
      created             = { bucket = { name = ["files"] }, object = { key = [{ prefix = "in/" }] } }
      created-other-files = { bucket = { name = ["other"] }, object = { key = [{ anything-but = { prefix = "_sluice/" } }] } }
    }
    error_message = "got ${jsonencode(aws_cloudwatch_event_rule.this)}"
  }

  assert {
    condition = {
      for name in ["queue", "event_dead_letters", "queue_dead_letters"] :
      name => [for s in jsondecode(output.policies[name]).Statement : "${s.Sid} ${s.Condition.ArnEquals["aws:SourceArn"]}" if s.Effect == "Allow"]
      } == {
      queue              = ["TakeEvents arn:aws-cn:events:cn-north-1:111122223333:rule/created", "TakeEventsOtherFiles arn:aws-cn:events:cn-north-1:111122223333:rule/created-other-files"]
      event_dead_letters = ["TakeUndelivered arn:aws-cn:events:cn-north-1:111122223333:rule/created", "TakeUndeliveredOtherFiles arn:aws-cn:events:cn-north-1:111122223333:rule/created-other-files"]
      queue_dead_letters = []
    }
    error_message = "got ${jsonencode(output.policies)}"
  }

  assert {
    condition     = output.receive_statement.Resource == "arn:aws-cn:sqs:cn-north-1:111122223333:objects" && aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 1
    error_message = "got ${jsonencode(output.receive_statement)}"
  }

  # Names that policies refer to are those of the queues.
  assert {
    condition     = output.arns == { queue = output.resources.queue_arn, event_dead_letters = output.resources.event_dead_letter_arn, queue_dead_letters = output.resources.queue_dead_letter_arn }
    error_message = "got ${jsonencode(output.arns)}"
  }
}
