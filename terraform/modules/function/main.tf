locals {
  log_group     = "/aws/lambda/${var.name}"
  log_group_arn = "arn:${var.deployment.partition}:logs:${var.deployment.region}:${var.deployment.account_id}:log-group:${local.log_group}"
  arn           = "arn:${var.deployment.partition}:lambda:${var.deployment.region}:${var.deployment.account_id}:function:${var.name}"
}

# Created before the function, with a retention period. The function's role may not create log groups, because Lambda
# would create one without retention.
resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.deployment.log_retention_days
}

module "role" {
  source = "../role"

  deployment  = var.deployment
  name        = var.role_name
  description = "Execution role of the Lambda function ${var.name}"
  trusted     = { Service = ["lambda.amazonaws.com"] }

  key               = var.key
  encrypted_buckets = var.encrypted_buckets

  policies = {
    effects = var.policy
    logs = jsonencode({
      Version = "2012-10-17"
      Statement = [
        { Sid = "OpenLogStream", Effect = "Allow", Action = "logs:CreateLogStream", Resource = "${local.log_group_arn}:*" },
        { Sid = "WriteLog", Effect = "Allow", Action = "logs:PutLogEvents", Resource = "${local.log_group_arn}:log-stream:*" },
      ]
    })
  }
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  role             = module.role.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.deployment.architecture]
  filename         = var.package.path
  source_code_hash = filebase64sha256(var.package.path)
  memory_size      = var.memory_mb
  timeout          = var.timeout_s

  environment {
    variables = var.environment
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }
}

# Sets the default of AWS explicitly, so that a change made outside Terraform shows up in the plan.
resource "aws_lambda_function_recursion_config" "this" {
  function_name  = aws_lambda_function.this.function_name
  recursive_loop = "Terminate"
}
