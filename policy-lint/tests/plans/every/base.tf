# What `override.tf` and `last_override.tf.json` change.
variable "overridden" {
  type    = string
  default = "s3:GetObject"
}

locals {
  overridden = "base"
  kept       = "kept"
}

data "aws_iam_policy_document" "overridden" {
  statement {
    sid       = "First"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::first/*"]
  }
  statement {
    sid       = "Second"
    actions   = ["s3:ListBucket"]
    resources = ["arn:aws:s3:::second"]
  }
}

resource "aws_iam_policy" "overridden" {
  name   = "overridden"
  path   = "/${local.overridden}/"
  policy = data.aws_iam_policy_document.overridden.json
}

resource "aws_iam_policy" "overridden_values" {
  name = "overridden-values"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = var.overridden, Resource = "arn:aws:s3:::${local.overridden}-${local.kept}/*" }]
  })
}

module "overridden" {
  source  = "./team"
  name    = "overridden"
  actions = ["sqs:SendMessage"]
  grants  = { topic = { arn = "arn:aws:sns:eu-west-1:111122223333:overridden" } }
}
