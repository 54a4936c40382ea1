# The ledger: a function that runs every hour and signs a manifest of the new receipts with a KMS key.

resource "aws_kms_key" "signing" {
  description              = "${local.deployment.name}: signing key of the ledger"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  deletion_window_in_days  = 30

  # In a key policy, the resource "*" means this key only. The permission to sign is granted here and in no IAM policy:
  # an IAM statement could match the key by its alias only. A P-256 key supports one signing algorithm, so no condition
  # on the algorithm is needed.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        var.key.administration,
        # Delegates to IAM who may read the public key; `terraform apply` reads it for the outputs.
        { Sid = "ReadPublicKeyThroughIam", Effect = "Allow", Principal = { AWS = "arn:${local.deployment.partition}:iam::${local.deployment.account_id}:root" }, Action = "kms:GetPublicKey", Resource = "*" },
        # kms:Verify checks the signature of the previous manifest before the next one is signed.
        { Sid = "SignManifests", Effect = "Allow", Principal = { AWS = module.ledger.role_arn }, Action = ["kms:Sign", "kms:Verify"], Resource = "*" },
      ],
      # sluice verify: the signatures of the manifests
      [for arn in module.auditor.arn[*] : { Sid = "ReadPublicKey", Effect = "Allow", Principal = { AWS = arn }, Action = "kms:GetPublicKey", Resource = "*" }],
    )
  })
}

resource "aws_kms_alias" "signing" {
  name          = local.name.signing_key
  target_key_id = aws_kms_key.signing.key_id
}

# An output, so that manifests can be verified without access to AWS.
data "aws_kms_public_key" "signing" {
  key_id = aws_kms_key.signing.arn
}

module "ledger" {
  source = "../function"

  deployment = local.deployment
  name       = local.name.ledger_function
  role_name  = local.name.ledger_role
  package    = var.packages.ledger
  memory_mb  = local.settings.memory_mb
  timeout_s  = local.settings.timeout_s
  policy     = local.ledger_policy

  key               = var.key
  encrypted_buckets = { read = local.kms_encrypted, write = local.kms_encrypted }

  environment = {
    RECEIPTS_BUCKET = local.receipts_bucket
    SIGNING_KEY     = aws_kms_alias.signing.arn
  }
}

# Five minutes past the hour, so that the receipts of the previous hour are complete.
resource "aws_cloudwatch_event_rule" "hourly" {
  name                = local.name.schedule
  description         = "Runs the ledger for ${local.receipts_bucket_name} every hour"
  schedule_expression = "cron(5 * * * ? *)"
}

resource "aws_lambda_permission" "hourly" {
  statement_id  = "AllowSchedule"
  action        = "lambda:InvokeFunction"
  function_name = module.ledger.name
  principal     = "events.amazonaws.com"
  source_arn    = local.arn.schedule
}

# The ledger has alarms but no dead-letter queue: after a failed run there is nothing to redrive, because the next run
# covers every open hour.
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
