variable "overridden" {
  default = "s3:PutObject"
}

locals {
  overridden = "changed"
}

data "aws_iam_policy_document" "overridden" {
  dynamic "statement" {
    for_each = ["third", "fourth"]
    content {
      sid       = title(statement.value)
      actions   = ["s3:DeleteObject"]
      resources = ["arn:aws:s3:::${statement.value}/*"]
    }
  }
}

module "overridden" {
  actions = ["sqs:DeleteMessage"]
  grants  = { queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:overridden" } }
}
