# --- who signs for them, every hour ---

resource "aws_kms_key" "signing" {
  description              = "${local.deployment.name}: signs the manifests of the ledger"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  deletion_window_in_days  = 30

  # In a key policy "*" is this key and nothing else. Who signs is named here and nowhere else: a statement
  # of IAM could name the key by its alias only, and would open this key to nobody without this one.
  # A P-256 key knows one algorithm, so there is none to choose.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "AdministerKey"
          Effect    = "Allow"
          Principal = { AWS = "arn:${local.deployment.partition}:iam::${local.deployment.account_id}:root" }
          Action    = local.deployment.key_administration
          Resource  = "*"
        },
        {
          # What was signed can be checked by whoever IAM lets have the public key; apply reads it for the outputs.
          Sid       = "ReadPublicKeyThroughIam"
          Effect    = "Allow"
          Principal = { AWS = "arn:${local.deployment.partition}:iam::${local.deployment.account_id}:root" }
          Action    = "kms:GetPublicKey"
          Resource  = "*"
        },
        {
          # Verify: nothing is signed after a manifest that another key signed.
          Sid       = "SignManifests"
          Effect    = "Allow"
          Principal = { AWS = module.ledger.role_arn }
          Action    = ["kms:Sign", "kms:Verify"]
          Resource  = "*"
        },
      ],
      [
        for auditor in module.auditor : {
          # verify: the manifests' signatures
          Sid       = "ReadPublicKey"
          Effect    = "Allow"
          Principal = { AWS = auditor.arn }
          Action    = "kms:GetPublicKey"
          Resource  = "*"
        }
      ],
    )
  })
}

resource "aws_kms_alias" "signing" {
  name          = local.name.signing_key
  target_key_id = aws_kms_key.signing.key_id
}

# For whoever checks a manifest without asking AWS.
data "aws_kms_public_key" "signing" {
  key_id = aws_kms_key.signing.arn
}

module "ledger" {
  source = "../function"

  deployment = local.deployment
  name       = local.name.ledger_function
  role_name  = local.name.ledger_role
  package    = var.packages.ledger
  memory_mb  = var.settings.memory_mb
  timeout_s  = var.settings.timeout_s
  policy     = local.ledger_policy

  environment = {
    RECEIPTS_BUCKET = local.receipts_bucket
    SIGNING_KEY     = aws_kms_alias.signing.arn
  }
}

# Five past, so that what was written at the full hour is there.
resource "aws_cloudwatch_event_rule" "hourly" {
  name                = local.name.schedule
  description         = "Closes the hour in the ledger of ${local.receipts_bucket_name}"
  schedule_expression = "cron(5 * * * ? *)"
}

resource "aws_lambda_permission" "hourly" {
  statement_id  = "AllowSchedule"
  action        = "lambda:InvokeFunction"
  function_name = module.ledger.name
  principal     = "events.amazonaws.com"
  source_arn    = local.arn.schedule
}

# A run that failed leaves nothing to redrive: the next one closes every hour that is still open.
# So there are alarms on the ledger, and no dead letters.
resource "aws_cloudwatch_event_target" "ledger" {
  rule      = aws_cloudwatch_event_rule.hourly.name
  target_id = "ledger"
  arn       = module.ledger.arn

  retry_policy {
    maximum_event_age_in_seconds = 30 * 60
    maximum_retry_attempts       = 10
  }

  depends_on = [aws_lambda_permission.hourly]
}

resource "aws_lambda_function_event_invoke_config" "ledger" {
  function_name                = module.ledger.name
  maximum_event_age_in_seconds = 30 * 60
  maximum_retry_attempts       = 2
}
