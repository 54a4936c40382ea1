# Names, policies and outputs of `provenance`.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment = "dev"
  region      = "eu-central-1"
  account_id  = "111122223333"

  alarm_emails = ["ops@example.org"]
  lambda_packages = {
    ingest     = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
    provenance = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
    ledger     = { path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }
  }
}

# Every resource has a name that policies can refer to at plan time.
run "names_and_outputs" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    provenance = {
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      auditor_principals  = ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Auditor_0123456789abcdef"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }

  assert {
    condition = {
      for name, value in output.provenance : name => value
      if !endswith(name, "_url") && !contains(["commands", "public_key_pem", "key_arn", "environment", "resources", "roles"], name)
      } == {
      data_bucket           = "sluice-dev-data-eu-central-1-111122223333"
      data_bucket_arn       = "arn:aws:s3:::sluice-dev-data-eu-central-1-111122223333"
      folders               = tolist(["incoming/", "processed/", "test/"])
      prefixes              = ["incoming/"]
      watched               = [{ bucket = "sluice-dev-data-eu-central-1-111122223333", prefixes = ["incoming/"] }]
      receipts_bucket       = "sluice-dev-receipts-eu-central-1-111122223333"
      receipts_bucket_arn   = "arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333"
      rules                 = ["sluice-dev-provenance"]
      queue_arn             = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance"
      event_dead_letter_arn = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance-event-dead-letters"
      queue_dead_letter_arn = "arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance-dead-letters"
      function              = "sluice-dev-provenance"
      role_arn              = "arn:aws:iam::111122223333:role/sluice-dev-provenance"
      log_group             = "/aws/lambda/sluice-dev-provenance"
      ledger_function       = "sluice-dev-ledger"
      ledger_role_arn       = "arn:aws:iam::111122223333:role/sluice-dev-ledger"
      ledger_log_group      = "/aws/lambda/sluice-dev-ledger"
      signing_key           = "arn:aws:kms:eu-central-1:111122223333:alias/sluice-dev-ledger"
      trail_bucket          = "sluice-dev-trail-eu-central-1-111122223333"
      trail_bucket_arn      = "arn:aws:s3:::sluice-dev-trail-eu-central-1-111122223333"
      trail                 = "sluice-dev-provenance"
      trail_prefix          = "AWSLogs/111122223333/CloudTrail/"
      database              = "sluice_dev_provenance"
      workgroup             = "sluice-dev-provenance"
      uploader_role_arn     = "arn:aws:iam::111122223333:role/sluice-dev-provenance-uploader"
      auditor_role_arn      = "arn:aws:iam::111122223333:role/sluice-dev-provenance-auditor"
      operator_role_arn     = "arn:aws:iam::111122223333:role/sluice-dev-provenance-operator"
    }
    error_message = "got ${jsonencode({ for name, value in output.provenance : name => value if !endswith(name, "_url") && !contains(["commands", "public_key_pem", "key_arn", "environment", "resources", "roles"], name) })}"
  }

  assert {
    condition = output.provenance.commands == {
      upload         = "aws s3 cp FILE s3://sluice-dev-data-eu-central-1-111122223333/incoming/ --region eu-central-1"
      close_ledger   = "aws lambda invoke --function-name sluice-dev-ledger --cli-binary-format raw-in-base64-out --payload '{\"until\":\"now\"}' --region eu-central-1 /dev/stdout"
      verify         = "sluice verify"
      backfill       = "sluice provenance backfill"
      ask            = "aws athena start-query-execution --work-group sluice-dev-provenance --query-execution-context Database=sluice_dev_provenance --query-string 'SELECT * FROM provenance_ledger ORDER BY event_time DESC LIMIT 50' --query QueryExecutionId --output text --region eu-central-1"
      answer         = "aws athena get-query-results --query-execution-id ID --output text --region eu-central-1"
      validate_trail = "aws cloudtrail validate-logs --trail-arn arn:aws:cloudtrail:eu-central-1:111122223333:trail/sluice-dev-provenance --start-time $(date -u -d '1 day ago' +%FT%TZ) --region eu-central-1"
      follow_log     = "aws logs tail /aws/lambda/sluice-dev-provenance --follow --region eu-central-1"
      follow_ledger  = "aws logs tail /aws/lambda/sluice-dev-ledger --follow --region eu-central-1"
    }
    error_message = "got ${jsonencode(output.provenance.commands)}"
  }

  assert {
    condition = jsonencode(output.provenance.roles) == jsonencode({
      auditor  = "arn:aws:iam::111122223333:role/sluice-dev-provenance-auditor"
      function = "arn:aws:iam::111122223333:role/sluice-dev-provenance"
      ledger   = "arn:aws:iam::111122223333:role/sluice-dev-ledger"
      operator = "arn:aws:iam::111122223333:role/sluice-dev-provenance-operator"
      uploader = "arn:aws:iam::111122223333:role/sluice-dev-provenance-uploader"
    })
    error_message = "got ${jsonencode(output.provenance.roles)}"
  }

  assert {
    condition     = keys(output.provenance.environment) == ["ledger", "provenance"] && keys(output.provenance.environment.ledger) == tolist(["RECEIPTS_BUCKET", "SIGNING_KEY"])
    error_message = "got ${jsonencode(output.provenance.environment)}"
  }

  assert {
    condition     = output.ingest == null && length(module.ingest) == 0
    error_message = "each system must work without the other"
  }

  # The function reads watched objects and writes receipts and journal entries; it deletes nothing and lists nothing else.
  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.function.effects).Statement :
      "${s.Effect} ${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", flatten([s.Resource]))} ${join(",", flatten([try(s.Condition.StringLike["s3:prefix"], [])]))}"
      ] == [
      "Allow FindVersion s3:ListBucketVersions arn:aws:s3:::sluice-dev-data-eu-central-1-111122223333 incoming/*",
      "Allow ReadVersion s3:GetObjectVersion arn:aws:s3:::sluice-dev-data-eu-central-1-111122223333/incoming/* ",
      "Allow SeeReceipts s3:ListBucket arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333 provenance/*",
      "Allow ReadReceipt s3:GetObject arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/provenance/* ",
      "Allow AnnounceReceipt s3:PutObject arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/journal/* ",
      "Allow WriteReceipt s3:PutObject arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/provenance/* ",
      "Allow TakeFromQueue sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:ReceiveMessage arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance ",
    ]
    error_message = "got ${module.provenance[0].policies.function.effects}"
  }

  # The ledger cannot write receipts, and the function cannot write manifests.
  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.ledger.effects).Statement :
      "${s.Effect} ${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", flatten([s.Resource]))} ${join(",", flatten([try(s.Condition.StringLike["s3:prefix"], [])]))}"
      ] == [
      "Allow SeeLedger s3:ListBucket arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333 journal/*,ledger/*,operator/*,provenance/*",
      "Allow ReadLedger s3:GetObject arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/journal/*,arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/ledger/*,arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/operator/*,arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/provenance/* ",
      "Allow WriteManifest s3:PutObject arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/ledger/* ",
    ]
    error_message = "got ${module.provenance[0].policies.ledger.effects}"
  }

  # Both functions read and write encrypted objects.
  assert {
    condition = alltrue([
      for policy in [module.provenance[0].policies.function.encrypted-buckets, module.provenance[0].policies.ledger.encrypted-buckets] : [
        for s in jsondecode(policy).Statement : "${s.Effect} ${s.Sid} ${s.Action} ${s.Resource}"
        ] == [
        "Allow ReadEncrypted kms:Decrypt arn:aws:kms:eu-central-1:111122223333:key/*",
        "Allow WriteEncrypted kms:GenerateDataKey arn:aws:kms:eu-central-1:111122223333:key/*",
      ]
    ])
    error_message = "got ${jsonencode(module.provenance[0].policies)}"
  }

  # `key/*` is restricted to the deployment's key by its alias, and to use through S3.
  assert {
    condition = distinct([
      for s in flatten([for policy in [module.provenance[0].policies.function.encrypted-buckets, module.provenance[0].policies.ledger.encrypted-buckets] : jsondecode(policy).Statement]) : jsonencode(s.Condition)
    ]) == tolist(["{\"ForAnyValue:StringEquals\":{\"kms:ResourceAliases\":[\"alias/sluice-dev\"]},\"StringEquals\":{\"kms:ViaService\":[\"s3.eu-central-1.amazonaws.com\"]}}"])
    error_message = "got ${module.provenance[0].policies.ledger.encrypted-buckets}"
  }

  # Only the role of the ledger may sign.
  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.signing_key).Statement :
      "${s.Sid} ${jsonencode(s.Principal)} ${s.Sid == "AdministerKey" ? "" : jsonencode(s.Action)} ${jsonencode(try(s.Condition, null))}"
      ] == [
      "AdministerKey {\"AWS\":\"arn:aws:iam::111122223333:root\"}  null",
      "ReadPublicKeyThroughIam {\"AWS\":\"arn:aws:iam::111122223333:root\"} \"kms:GetPublicKey\" null",
      "SignManifests {\"AWS\":\"arn:aws:iam::111122223333:role/sluice-dev-ledger\"} [\"kms:Sign\",\"kms:Verify\"] null",
      "ReadPublicKey {\"AWS\":\"arn:aws:iam::111122223333:role/sluice-dev-provenance-auditor\"} \"kms:GetPublicKey\" null",
    ]
    error_message = "got ${module.provenance[0].policies.signing_key}"
  }

  assert {
    condition     = length(setintersection(jsondecode(module.provenance[0].policies.signing_key).Statement[0].Action, ["kms:Sign", "kms:*", "kms:CreateGrant", "kms:ReplicateKey"])) == 0
    error_message = "key administrators must not be able to sign or to grant it"
  }

  # Only this trail may encrypt with the deployment's key.
  assert {
    condition = [
      for s in jsondecode(aws_kms_key.this[0].policy).Statement : "${jsonencode(s.Principal)} ${jsonencode(s.Action)} ${jsonencode(s.Condition)}" if s.Sid == "EncryptTrail"
    ] == ["{\"Service\":\"cloudtrail.amazonaws.com\"} [\"kms:Decrypt\",\"kms:DescribeKey\",\"kms:GenerateDataKey\"] {\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:cloudtrail:eu-central-1:111122223333:trail/sluice-dev-provenance\"}}"]
    error_message = "got ${aws_kms_key.this[0].policy}"
  }

  # TLS is required everywhere; only the trail may deliver, and only to this account's folder; receipts are write-once.
  assert {
    condition = {
      for name in ["data", "receipts", "trail_bucket", "queries"] :
      name => [for s in jsondecode(module.provenance[0].policies[name]).Statement : "${s.Effect} ${s.Sid} ${jsonencode(s.Principal)} ${s.Action} ${jsonencode(s.Resource)} ${jsonencode(s.Condition)}" if s.Sid != "DenyInsecureTransport"]
      } == {
      data     = []
      receipts = ["Deny WriteOnce \"*\" s3:PutObject [\"arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/journal/*\",\"arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/ledger/*\",\"arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/operator/*\",\"arn:aws:s3:::sluice-dev-receipts-eu-central-1-111122223333/provenance/*\"] {\"Null\":{\"s3:if-none-match\":\"true\"}}"]
      trail_bucket = [
        "Allow CheckTrailBucket {\"Service\":\"cloudtrail.amazonaws.com\"} s3:GetBucketAcl \"arn:aws:s3:::sluice-dev-trail-eu-central-1-111122223333\" {\"StringEquals\":{\"aws:SourceArn\":\"arn:aws:cloudtrail:eu-central-1:111122223333:trail/sluice-dev-provenance\"}}",
        "Allow WriteTrail {\"Service\":\"cloudtrail.amazonaws.com\"} s3:PutObject \"arn:aws:s3:::sluice-dev-trail-eu-central-1-111122223333/AWSLogs/111122223333/*\" {\"StringEquals\":{\"aws:SourceArn\":\"arn:aws:cloudtrail:eu-central-1:111122223333:trail/sluice-dev-provenance\",\"s3:x-amz-acl\":\"bucket-owner-full-control\"}}",
      ]
      queries = []
    }
    error_message = "got ${jsonencode({ for name in ["data", "receipts", "trail_bucket", "queries"] : name => module.provenance[0].policies[name] })}"
  }

  assert {
    condition     = alltrue([for name in ["data", "receipts", "trail_bucket", "queries", "queue", "event_dead_letters", "queue_dead_letters"] : jsondecode(module.provenance[0].policies[name]).Statement[0].Sid == "DenyInsecureTransport"])
    error_message = "every bucket must require TLS"
  }

  assert {
    condition = {
      for name in ["queue", "event_dead_letters", "queue_dead_letters"] :
      name => [for s in jsondecode(module.provenance[0].policies[name]).Statement : "${s.Sid} ${s.Condition.ArnEquals["aws:SourceArn"]}" if s.Effect == "Allow"]
      } == {
      queue              = ["TakeEvents arn:aws:events:eu-central-1:111122223333:rule/sluice-dev-provenance"]
      event_dead_letters = ["TakeUndelivered arn:aws:events:eu-central-1:111122223333:rule/sluice-dev-provenance"]
      queue_dead_letters = []
    }
    error_message = "got ${jsonencode(module.provenance[0].policies)}"
  }
}

# The roles that people assume; each line is one statement.
run "user_roles" {
  command = plan
  module { source = "./modules/deployment" }

  variables {
    role_path   = "/data/"
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/mine"
    provenance = {
      prefixes            = ["in", "reports/2026/"]
      uploader_principals = ["arn:aws:iam::111122223333:role/studio"]
      auditor_principals  = ["arn:aws:iam::111122223333:role/audit"]
      operator_principals = ["arn:aws:iam::111122223333:role/on-call"]
    }
  }

  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.uploader.upload).Statement : "${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", [for r in flatten([s.Resource]) : trimprefix(r, "arn:aws:s3:::sluice-dev-")])}"
      ] == [
      "Upload s3:AbortMultipartUpload,s3:PutObject data-eu-central-1-111122223333/in/*,data-eu-central-1-111122223333/reports/2026/*",
      "CompareUploaded s3:GetObject data-eu-central-1-111122223333/in/*,data-eu-central-1-111122223333/reports/2026/*",
      "SeeUploaded s3:ListBucket data-eu-central-1-111122223333",
    ]
    error_message = "got ${module.provenance[0].policies.uploader.upload}"
  }

  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.auditor.audit).Statement : "${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", [for r in flatten([s.Resource]) : trimprefix(r, "arn:aws:s3:::sluice-dev-")])}"
      ] == [
      "FindVersion s3:ListBucketVersions data-eu-central-1-111122223333",
      "ReadVersion s3:GetObjectVersion data-eu-central-1-111122223333/in/*,data-eu-central-1-111122223333/reports/2026/*",
      "ListLedger s3:ListBucket receipts-eu-central-1-111122223333",
      "ReadLedger s3:GetObject receipts-eu-central-1-111122223333/journal/*,receipts-eu-central-1-111122223333/ledger/*,receipts-eu-central-1-111122223333/operator/*,receipts-eu-central-1-111122223333/provenance/*",
      "ListTrail s3:ListBucket trail-eu-central-1-111122223333",
      "ReadTrail s3:GetObject trail-eu-central-1-111122223333/AWSLogs/111122223333/CloudTrail/*",
      "Ask athena:GetNamedQuery,athena:GetQueryExecution,athena:GetQueryResults,athena:GetWorkGroup,athena:ListNamedQueries,athena:StartQueryExecution,athena:StopQueryExecution arn:aws:athena:eu-central-1:111122223333:workgroup/sluice-dev-provenance",
      "ReadCatalog glue:GetDatabase,glue:GetTable,glue:GetTables arn:aws:glue:eu-central-1:111122223333:catalog,arn:aws:glue:eu-central-1:111122223333:database/sluice_dev_provenance,arn:aws:glue:eu-central-1:111122223333:table/sluice_dev_provenance/*",
      "KeepAnswers s3:AbortMultipartUpload,s3:GetObject,s3:ListMultipartUploadParts,s3:PutObject queries-eu-central-1-111122223333/results/*",
      "FindAnswers s3:GetBucketLocation,s3:ListBucket queries-eu-central-1-111122223333",
    ]
    error_message = "got ${module.provenance[0].policies.auditor.audit}"
  }

  assert {
    condition = [
      for s in jsondecode(module.provenance[0].policies.operator.operate).Statement : "${s.Sid} ${join(",", flatten([s.Action]))} ${join(",", [for r in flatten([s.Resource]) : trimprefix(r, "arn:aws:s3:::sluice-dev-")])}"
      ] == [
      "FindVersion s3:ListBucketVersions data-eu-central-1-111122223333",
      "ReadVersion s3:GetObjectVersion data-eu-central-1-111122223333/in/*,data-eu-central-1-111122223333/reports/2026/*",
      "ListReceipts s3:ListBucket receipts-eu-central-1-111122223333",
      "ReadReceipts s3:GetObject receipts-eu-central-1-111122223333/provenance/*",
      "AnnounceReceipt s3:PutObject receipts-eu-central-1-111122223333/journal/*",
      "WriteReceipt s3:PutObject receipts-eu-central-1-111122223333/provenance/*",
      "RecordOperation s3:PutObject receipts-eu-central-1-111122223333/operator/*",
      "TakeDeadLetters sqs:ChangeMessageVisibility,sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:ReceiveMessage arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance-event-dead-letters,arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance-dead-letters",
      "AnnounceAgain sqs:GetQueueAttributes,sqs:SendMessage arn:aws:sqs:eu-central-1:111122223333:sluice-dev-provenance",
      "SeeMetrics cloudwatch:GetMetricData *",
    ]
    error_message = "got ${module.provenance[0].policies.operator.operate}"
  }

  assert {
    condition = alltrue([
      for s in flatten([for policy in [module.provenance[0].policies.uploader.upload, module.provenance[0].policies.auditor.audit, module.provenance[0].policies.operator.operate] : jsondecode(policy).Statement]) :
      can(s.Condition.StringLike["s3:prefix"]) if length(setintersection(flatten([s.Action]), ["s3:ListBucket", "s3:ListBucketVersions"])) > 0 && s.Sid != "FindAnswers"
    ])
    error_message = "every listing must be restricted to what the role reads"
  }

  # Each of them reads and writes encrypted objects.
  assert {
    condition = alltrue([
      for policies in [module.provenance[0].policies.uploader, module.provenance[0].policies.auditor, module.provenance[0].policies.operator] : [
        for s in jsondecode(policies.encrypted-buckets).Statement : "${s.Sid} ${s.Action} ${s.Resource}"
        ] == [
        "ReadEncrypted kms:Decrypt arn:aws:kms:eu-central-1:111122223333:key/mine",
        "WriteEncrypted kms:GenerateDataKey arn:aws:kms:eu-central-1:111122223333:key/mine",
      ]
    ])
    error_message = "got ${jsonencode(module.provenance[0].policies)}"
  }

  # An existing key keeps its own key policy.
  assert {
    condition     = length(aws_kms_key.this) == 0 && output.provenance.key_arn == "arn:aws:kms:eu-central-1:111122223333:key/mine"
    error_message = "got ${output.provenance.key_arn}"
  }

  # The signing role is referred to with its path in the key policy.
  assert {
    condition     = jsondecode(module.provenance[0].policies.signing_key).Statement[2].Principal.AWS == "arn:aws:iam::111122223333:role/data/sluice-dev-ledger" && output.provenance.ledger_role_arn == "arn:aws:iam::111122223333:role/data/sluice-dev-ledger"
    error_message = "got ${output.provenance.ledger_role_arn}"
  }
}
