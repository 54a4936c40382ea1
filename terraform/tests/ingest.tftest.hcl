# Names, policies and outputs of `ingest`.

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
}

# Names contain the environment, and the Region and account where they must be globally unique.
run "names_and_outputs" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    ingest = merge(var.music, {
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
  }

  assert {
    condition = jsonencode({ for name, value in output.ingest : name => value if !endswith(name, "_url") && !contains(["commands", "environment", "resources", "roles"], name) }) == jsonencode({
      processing_bucket     = "sluice-dev-processing-eu-central-1-111122223333"
      processing_bucket_arn = "arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333"
      quarantine_bucket     = "sluice-dev-quarantine-eu-central-1-111122223333"
      quarantine_bucket_arn = "arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333"
      prefix                = ""
      folders               = []
      table                 = "sluice-dev-items"
      hash_key              = "ArtistID"
      range_key             = "ItemID"
      queue_arn             = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest"
      event_dead_letter_arn = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest-event-dead-letters"
      queue_dead_letter_arn = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest-dead-letters"
      function              = "sluice-dev-ingest"
      role_arn              = "arn:aws:iam::111122223333:role/sluice-dev-ingest"
      log_group             = "/aws/lambda/sluice-dev-ingest"
      topic_arn             = "arn:aws:sns:eu-central-1:111122223333:sluice-dev-ingest"
      uploader_role_arn     = "arn:aws:iam::111122223333:role/sluice-dev-ingest-uploader"
      uploader_user         = null
      operator_role_arn     = "arn:aws:iam::111122223333:role/sluice-dev-ingest-operator"
      schema_sha256         = filesha256("examples/eventpulse/music-item.schema.json")
      schema_key            = "_sluice/schema/${filesha256("examples/eventpulse/music-item.schema.json")}.json"
      max_object_bytes      = 10485760
      check_item_id         = false
      notify_on             = ["invalid", "conflict", "too-large", "unreadable"]
      rule                  = "sluice-dev-ingest"
      bus                   = "default"
    })
    error_message = "got ${jsonencode({ for name, value in output.ingest : name => value if !endswith(name, "_url") && !contains(["commands", "environment", "resources", "roles"], name) })}"
  }

  assert {
    condition     = output.ingest.resources == { for name, value in output.ingest : name => value if !contains(["environment", "resources", "roles"], name) }
    error_message = "`resources` must have every name and ARN"
  }

  assert {
    condition = output.ingest.roles == {
      function = "arn:aws:iam::111122223333:role/sluice-dev-ingest"
      uploader = "arn:aws:iam::111122223333:role/sluice-dev-ingest-uploader"
      operator = "arn:aws:iam::111122223333:role/sluice-dev-ingest-operator"
    }
    error_message = "got ${jsonencode(output.ingest.roles)}"
  }

  assert {
    condition     = keys(output.ingest.environment) == ["ingest"] && output.ingest.environment.ingest.TABLE == "sluice-dev-items"
    error_message = "got ${jsonencode(output.ingest.environment)}"
  }

  # The query command can be copied as it is, but for the value.
  assert {
    condition = output.ingest.commands == {
      upload          = "aws s3 cp item.json s3://sluice-dev-processing-eu-central-1-111122223333/ --region eu-central-1"
      list_quarantine = "aws s3 ls s3://sluice-dev-quarantine-eu-central-1-111122223333/ --recursive --region eu-central-1"
      query           = "aws dynamodb query --table-name sluice-dev-items --key-condition-expression '#key = :value' --expression-attribute-names '{\"#key\":\"ArtistID\"}' --expression-attribute-values '{\":value\":{\"S\":\"VALUE\"}}' --region eu-central-1"
      follow_log      = "aws logs tail /aws/lambda/sluice-dev-ingest --follow --region eu-central-1"
    }
    error_message = "got ${jsonencode(output.ingest.commands)}"
  }

  # No AWS managed policies, no read before the conditional put, and no delete without a version ID. One line per
  # statement: Sid, actions, resource.
  assert {
    condition = [
      for s in jsondecode(module.ingest[0].policies.function.effects).Statement :
      "${s.Effect} ${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", flatten([s.Resource]))}"
      ] == [
      "Allow FindVersion s3:ListBucketVersions arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333",
      "Allow ReadVersion s3:GetObjectVersion arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/*",
      "Allow ReadSchema s3:GetObject arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/_sluice/schema/${filesha256("examples/eventpulse/music-item.schema.json")}.json",
      "Allow StoreItem dynamodb:PutItem arn:aws:dynamodb:eu-central-1:111122223333:table/sluice-dev-items",
      "Allow FindItem dynamodb:GetItem arn:aws:dynamodb:eu-central-1:111122223333:table/sluice-dev-items",
      "Allow SeeQuarantine s3:ListBucket arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333",
      "Allow ReadQuarantine s3:GetObject arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333/*",
      "Allow MoveToQuarantineWrite s3:PutObject arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333/*",
      "Allow MoveToQuarantineDelete s3:DeleteObjectVersion arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/*",
      "Allow Notify sns:Publish arn:aws:sns:eu-central-1:111122223333:sluice-dev-ingest",
      "Allow UseTopicKey kms:Decrypt,kms:GenerateDataKey arn:aws:kms:eu-central-1:111122223333:key/*",
      "Allow TakeFromQueue sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:ReceiveMessage arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest",
    ]
    error_message = "got ${module.ingest[0].policies.function.effects}"
  }

  # `key/*` is restricted to the deployment's key by its alias, and to use through SNS.
  assert {
    condition = [for s in jsondecode(module.ingest[0].policies.function.effects).Statement : s.Condition if can(s.Condition)] == [{
      "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = ["alias/sluice-dev"] }
      StringEquals               = { "kms:ViaService" = ["sns.eu-central-1.amazonaws.com"] }
    }]
    error_message = "got ${module.ingest[0].policies.function.effects}"
  }

  assert {
    condition = [
      for s in jsondecode(module.ingest[0].policies.function.logs).Statement : "${s.Effect} ${s.Sid} ${s.Action} ${s.Resource}"
      ] == [
      "Allow OpenLogStream logs:CreateLogStream arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/sluice-dev-ingest:*",
      "Allow WriteLog logs:PutLogEvents arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/sluice-dev-ingest:log-stream:*",
    ]
    error_message = "got ${module.ingest[0].policies.function.logs}"
  }

  assert {
    condition = [
      for s in jsondecode(module.ingest[0].policies.uploader.upload).Statement :
      "${s.Effect} ${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", flatten([s.Resource]))}"
      ] == [
      "Allow Upload s3:PutObject arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/*",
      "Allow GiveUpParts s3:AbortMultipartUpload arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/*",
      "Allow CompareUploaded s3:GetObject arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/*",
      "Allow SeeUploaded s3:ListBucket arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333",
      "Deny LeaveProjectFiles s3:AbortMultipartUpload,s3:PutObject arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/_sluice/*",
    ]
    error_message = "got ${module.ingest[0].policies.uploader.upload}"
  }

  assert {
    condition = [
      for s in jsondecode(module.ingest[0].policies.operator.operate).Statement :
      "${s.Effect} ${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", flatten([s.Resource]))}"
      ] == [
      "Allow ListQuarantine s3:ListBucket,s3:ListBucketVersions arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333",
      "Allow ReadQuarantine s3:GetObject arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333/*",
      "Allow RemoveFromQuarantine s3:DeleteObjectVersion arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333/*",
      "Allow ReleaseToProcessing s3:PutObject arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/*",
      "Allow ReadProcessing s3:GetObject,s3:GetObjectVersion arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/*",
      "Allow ListProcessing s3:ListBucket,s3:ListBucketVersions arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333",
      "Allow TakeDeadLetters sqs:ChangeMessageVisibility,sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:ReceiveMessage arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest-event-dead-letters,arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest-dead-letters",
      "Allow AnnounceAgain sqs:GetQueueAttributes,sqs:SendMessage arn:aws:sqs:eu-central-1:111122223333:sluice-dev-ingest",
      "Allow SeeMetrics cloudwatch:GetMetricData *",
      "Allow ReadItems dynamodb:GetItem arn:aws:dynamodb:eu-central-1:111122223333:table/sluice-dev-items",
      "Deny LeaveProjectFiles s3:PutObject arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/_sluice/*",
    ]
    error_message = "got ${module.ingest[0].policies.operator.operate}"
  }

  # TLS is required everywhere; only the rule may send to the queue; the topic policy has no publishers.
  assert {
    condition = {
      for name in ["processing", "quarantine", "queue", "event_dead_letters", "queue_dead_letters", "topic"] :
      name => [for s in jsondecode(module.ingest[0].policies[name]).Statement : "${s.Effect} ${s.Sid} ${jsonencode(s.Principal)} ${s.Action} ${jsonencode(s.Condition)}"]
      } == {
      processing = ["Deny DenyInsecureTransport \"*\" s3:* {\"Bool\":{\"aws:SecureTransport\":\"false\"}}"]
      quarantine = ["Deny DenyInsecureTransport \"*\" s3:* {\"Bool\":{\"aws:SecureTransport\":\"false\"}}"]
      queue = [
        "Deny DenyInsecureTransport \"*\" sqs:* {\"Bool\":{\"aws:SecureTransport\":\"false\"}}",
        "Allow TakeEvents {\"Service\":\"events.amazonaws.com\"} sqs:SendMessage {\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:events:eu-central-1:111122223333:rule/sluice-dev-ingest\"}}",
      ]
      event_dead_letters = [
        "Deny DenyInsecureTransport \"*\" sqs:* {\"Bool\":{\"aws:SecureTransport\":\"false\"}}",
        "Allow TakeUndelivered {\"Service\":\"events.amazonaws.com\"} sqs:SendMessage {\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:events:eu-central-1:111122223333:rule/sluice-dev-ingest\"}}",
      ]
      queue_dead_letters = ["Deny DenyInsecureTransport \"*\" sqs:* {\"Bool\":{\"aws:SecureTransport\":\"false\"}}"]
      topic              = ["Deny DenyInsecureTransport \"*\" sns:Publish {\"Bool\":{\"aws:SecureTransport\":\"false\"}}"]
    }
    error_message = "got ${jsonencode(module.ingest[0].policies)}"
  }
}

# A prefix restricts every object and every listing; an existing key is referred to by its ARN.
run "prefix_and_own_key_and_sse_kms" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    role_path   = "/data/"
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/mine"
    ingest = merge(var.music, {
      prefix              = "in/music"
      encryption          = "sse-kms"
      notify_emails       = ["music@example.org"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
  }

  assert {
    condition     = output.ingest.prefix == "in/music/" && endswith(output.ingest.commands.upload, "-111122223333/in/music/ --region eu-central-1")
    error_message = "the prefix must end with a slash: ${output.ingest.prefix}"
  }

  assert {
    condition     = output.ingest.role_arn == "arn:aws:iam::111122223333:role/data/sluice-dev-ingest"
    error_message = "got ${output.ingest.role_arn}"
  }

  assert {
    condition = alltrue([
      for s in flatten([
        jsondecode(module.ingest[0].policies.function.effects).Statement,
        jsondecode(module.ingest[0].policies.uploader.upload).Statement,
        jsondecode(module.ingest[0].policies.operator.operate).Statement,
      ]) : s.Condition == { StringLike = { "s3:prefix" = "in/music/*" } } if length(setintersection(flatten([s.Action]), ["s3:ListBucket", "s3:ListBucketVersions"])) > 0
    ])
    error_message = "every listing must be restricted to the prefix"
  }

  assert {
    condition = distinct([
      for s in flatten([
        jsondecode(module.ingest[0].policies.function.effects).Statement,
        jsondecode(module.ingest[0].policies.uploader.upload).Statement,
        jsondecode(module.ingest[0].policies.operator.operate).Statement,
      ]) : s.Resource if can(regex("^arn:aws:s3:::.*/", s.Resource)) && s.Sid != "ReadSchema"
      ]) == tolist([
      "arn:aws:s3:::sluice-dev-processing-eu-central-1-111122223333/in/music/*",
      "arn:aws:s3:::sluice-dev-quarantine-eu-central-1-111122223333/in/music/*",
    ])
    error_message = "every object must be under the prefix, and no deny statement is needed"
  }

  assert {
    condition = [
      for s in flatten([
        jsondecode(module.ingest[0].policies.function.effects).Statement,
        jsondecode(module.ingest[0].policies.function.encrypted-buckets).Statement,
        jsondecode(module.ingest[0].policies.uploader.upload).Statement,
        jsondecode(module.ingest[0].policies.uploader.encrypted-buckets).Statement,
        jsondecode(module.ingest[0].policies.operator.operate).Statement,
        jsondecode(module.ingest[0].policies.operator.encrypted-buckets).Statement,
      ]) : "${s.Sid} ${join(",", flatten([s.Action]))} ${s.Resource} ${jsonencode(s.Condition)}" if can(regex("kms:", jsonencode(s.Action)))
      ] == [
      "UseTopicKey kms:Decrypt,kms:GenerateDataKey arn:aws:kms:eu-central-1:111122223333:key/mine {\"StringEquals\":{\"kms:ViaService\":[\"sns.eu-central-1.amazonaws.com\"]}}",
      "ReadEncrypted kms:Decrypt arn:aws:kms:eu-central-1:111122223333:key/mine {\"StringEquals\":{\"kms:ViaService\":[\"s3.eu-central-1.amazonaws.com\"]}}",
      "WriteEncrypted kms:GenerateDataKey arn:aws:kms:eu-central-1:111122223333:key/mine {\"StringEquals\":{\"kms:ViaService\":[\"s3.eu-central-1.amazonaws.com\"]}}",
      "ReadEncrypted kms:Decrypt arn:aws:kms:eu-central-1:111122223333:key/mine {\"StringEquals\":{\"kms:ViaService\":[\"s3.eu-central-1.amazonaws.com\"]}}",
      "WriteEncrypted kms:GenerateDataKey arn:aws:kms:eu-central-1:111122223333:key/mine {\"StringEquals\":{\"kms:ViaService\":[\"s3.eu-central-1.amazonaws.com\"]}}",
      "ReadEncrypted kms:Decrypt arn:aws:kms:eu-central-1:111122223333:key/mine {\"StringEquals\":{\"kms:ViaService\":[\"s3.eu-central-1.amazonaws.com\"]}}",
      "WriteEncrypted kms:GenerateDataKey arn:aws:kms:eu-central-1:111122223333:key/mine {\"StringEquals\":{\"kms:ViaService\":[\"s3.eu-central-1.amazonaws.com\"]}}",
    ]
    error_message = "sse-kms must add the key statements"
  }
}

# Values at the limits are valid, and a role without principals is not created.
run "limits_are_accepted" {
  command = plan
  module { source = "./modules/deployment" }

  override_data {
    target = data.aws_region.this
    values = { id = "ap-northeast-1" }
  }

  variables {
    region      = "ap-northeast-1"
    project     = "a-project-of-23"
    environment = "letters2"
    ingest = merge(var.music, {
      processing_bucket = { expire_noncurrent_days = 15 }
      quarantine_bucket = { expire_noncurrent_days = 1, retention_days = 15 }
      table             = { hash_key = "OrderID", range_key = "" }
      schema_file       = "tests/schemas/order.json"
      max_object_mib    = 1280
      memory_mb         = 10240
      timeout_s         = 900
      batch_size        = 10000
      max_concurrency   = 1000
      notify_on         = []

      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    })
  }

  assert {
    condition     = output.ingest.range_key == ""
    error_message = "the table must have no range key"
  }

  assert {
    condition     = output.ingest.schema_sha256 == filesha256("tests/schemas/order.json")
    error_message = "the schema must be the one in `schema_file`"
  }

  assert {
    condition     = length(output.ingest.processing_bucket) == 63
    error_message = "23 characters of project and environment must fit in a bucket name: ${output.ingest.processing_bucket}"
  }
}

# A user who may only assume the uploader role; the other role names end in the Region.
run "upload_user_and_regional_names" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    regional_names = true
    ingest         = merge(var.music, { uploader_user = "studio-upload", notify_emails = ["music@example.org"], operator_principals = ["arn:aws:iam::111122223333:role/on-call"] })
  }

  assert {
    condition     = output.ingest.uploader_user == "studio-upload" && output.ingest.uploader_role_arn == "arn:aws:iam::111122223333:role/sluice-dev-ingest-uploader-eu-central-1" && output.ingest.role_arn == "arn:aws:iam::111122223333:role/sluice-dev-ingest-eu-central-1"
    error_message = "got ${jsonencode(output.ingest)}"
  }
}
