# The blocks, each on its own: our opinion once.

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

# 003.2, 003.3: versioned always, closed to the public, no ACLs, TLS only.
run "bucket" {
  command = plan
  module { source = "./modules/bucket" }
  variables {
    force_destroy          = false
    expire_noncurrent_days = 30
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "a version is what everything else is about"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "all four ways to the public are shut"
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "no ACLs"
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
    error_message = "a lock has to be asked for: it cannot be taken off"
  }

  assert {
    condition     = one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.abort_incomplete_multipart_upload[0].days_after_initiation if r.id == "abort-multipart"]) == 7
    error_message = "parts that nobody completed do not stay for ever"
  }

  assert {
    condition     = alltrue([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.status == "Enabled"]) && output.arn == "arn:aws-cn:s3:::thing"
    error_message = "rules are on, and the ARN follows the partition"
  }
}

# What a bucket of evidence has besides: a lock, statements of its own, one prefix that expires and nothing else.
run "bucket_of_evidence" {
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
    error_message = "every version is locked for its time"
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
    error_message = "encrypted, and the ARN is built from names: ${output.arn}"
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue.this.policy).Statement : "${s.Effect} ${s.Action} ${s.Resource}"] == ["Deny sqs:* arn:aws-cn:sqs:cn-north-1:111122223333:thing"]
    error_message = "without senders only the refusal of plain HTTP: ${aws_sqs_queue.this.policy}"
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_allow_policy) == { redrivePermission = "denyAll" }
    error_message = "who takes nobody's dead letters says so"
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
    error_message = "path and boundary are every role's: ${output.arn}"
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

  # 003.19: what the seed attached (AmazonS3FullAccess and others) would not stay.
  assert {
    condition = (
      keys(aws_iam_role_policy.this) == ["one"] &&
      aws_iam_role_policies_exclusive.this.policy_names == toset(["one"]) &&
      length(aws_iam_role_policy_attachments_exclusive.this.policy_arns) == 0
    )
    error_message = "its own inline policies and no other"
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
    error_message = "the zip runs as itself, in its own role"
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/thing" && aws_cloudwatch_log_group.this.retention_in_days == 7 && aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/thing"
    error_message = "the log group is made first, with its retention"
  }

  assert {
    condition     = aws_lambda_function_recursion_config.this.recursive_loop == "Terminate"
    error_message = "a loop is stopped"
  }

  assert {
    condition     = keys(output.policies) == ["effects", "logs"]
    error_message = "what its code does, and its log"
  }
}
