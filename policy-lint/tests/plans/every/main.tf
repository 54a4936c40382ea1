terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variable "buckets" {
  type    = list(string)
  default = ["raw", "silver", "gold"]
}

variable "layers" {
  type = map(object({
    prefix = string
    write  = optional(bool, false)
    extra  = optional(list(string), ["s3:GetObjectTagging"])
  }))
  default = {
    silver = { prefix = "wistia/silver/", write = true }
    gold   = { prefix = "wistia/gold/", extra = [] }
  }
}

variable "from_file" {
  type = string
}

variable "from_auto_file" {
  type = set(string)
}

variable "enabled" {
  type    = bool
  default = false
}

locals {
  account  = "111122223333"
  region   = "eu-west-1"
  read     = ["s3:GetObject", "s3:GetObjectVersion"]
  write    = ["s3:PutObject", "s3:AbortMultipartUpload"]
  rights   = { reader = local.read, writer = concat(local.read, local.write) }
  prefixes = { for name, layer in var.layers : name => trimsuffix(layer.prefix, "/") }
  writers  = [for name, layer in var.layers : name if layer.write]
  nested   = [["a"], [["b", "c"]], []]
  base     = { Version = "2012-10-17" }
  one      = one([for b in var.buckets : b if startswith(b, "si")])
}

resource "aws_iam_policy" "literal" {
  name   = "literal"
  policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::${local.one}/$${aws:username}/*\"}]}"
}

resource "aws_iam_policy" "encoded" {
  name = "encoded"
  policy = jsonencode(merge(local.base, {
    Statement = [for name in sort(keys(local.rights)) : {
      Sid      = "${title(name)}${length(local.rights[name])}"
      Effect   = var.enabled ? "Deny" : "Allow"
      Action   = local.rights[name]
      Resource = flatten([for b in var.buckets : ["arn:aws:s3:::${b}", "arn:aws:s3:::${b}/*"]])
    }]
  }))
}

resource "aws_iam_policy" "heredoc" {
  name   = "heredoc"
  policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": [
    %{for i, b in var.buckets~}
        {
          "Sid": "B${i}",
          "Effect": "Allow",
          "Action": ${jsonencode(local.read)},
          "Resource": "arn:aws:s3:::${upper(b)}/%{if b == "raw"}in%{else}out%{endif}/*"
        }${i < length(var.buckets) - 1 ? "," : ""}
    %{endfor~}
      ]
    }
  EOT
}

resource "aws_iam_policy" "flush" {
  name   = "flush"
  policy = <<EOT
{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage",
  "Resource": "arn:aws:sqs:${local.region}:${local.account}:${join("-", [var.from_file, "q"])}"}}
EOT
}

resource "aws_iam_policy" "file" {
  name   = "file"
  policy = file("${path.module}/files/policy.json")
}

resource "aws_iam_policy" "template" {
  name = "template"
  policy = templatefile("${path.module}/files/policy.tftpl", {
    statements = { Read = local.read, Write = local.write }
    bucket     = var.buckets[0]
  })
}

resource "aws_iam_policy" "functions" {
  name = "functions"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = join("", ["F", tostring(max(1, 2)), substr("abcdef", 1, 3), strrev("xyz")])
        Effect   = coalesce("", "Allow")
        Action   = distinct(compact(concat(["s3:GetObject", "", "s3:GetObject"], formatlist("s3:%s", ["PutObject", "DeleteObject"]))))
        Resource = [for p in setproduct(["a", "b"], ["x"]) : format("arn:aws:s3:::%s/%s-%03d", p[0], p[1], 7)]
      },
      {
        Sid      = replace("S-i-d", "-", "")
        Effect   = lookup({ a = "Allow" }, "a", "Deny")
        Action   = [lower("S3:LISTBUCKET"), "s3:${element(["A", "B"], 1) == "B" ? "GetBucketTagging" : "x"}"]
        Resource = "arn:aws:s3:::${try(local.rights.nothing, "fallback")}-${split("/", "p/q/r")[1]}"
      },
      {
        Sid      = "C${contains(var.buckets, "raw") ? 1 : 0}${can(local.rights.reader) ? 1 : 0}${length(flatten(local.nested))}"
        Effect   = "Allow"
        Action   = slice(reverse(["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]), 0, 2)
        Resource = values({ for k, v in zipmap(["k1", "k2"], ["v1", "v2"]) : k => "arn:aws:s3:::${k}-${v}" })
        Condition = {
          StringEquals = { "aws:RequestTag/${var.from_file}" = [for i in range(3) : "t${i * 2 + 1}"] }
        }
      },
      jsondecode("{\"Sid\":\"Decoded\",\"Effect\":\"Deny\",\"NotAction\":[\"iam:*\"],\"Resource\":\"*\"}"),
    ]
  })
}

resource "aws_iam_policy" "each" {
  for_each = var.layers
  name     = each.key
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = {
      Effect   = "Allow"
      Action   = concat(local.read, each.value.write ? local.write : [], each.value.extra)
      Resource = "arn:aws:s3:::${each.key}/${local.prefixes[each.key]}/*"
    }
  })
}

resource "aws_iam_policy" "counted" {
  count = length(local.writers) + 1
  name  = "counted-${count.index}"
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sns:Publish", Resource = "arn:aws:sns:*:*:topic-${count.index}" }
  ] })
}

resource "aws_iam_policy" "absent" {
  count  = var.enabled ? 1 : 0
  name   = "absent"
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "*", Resource = "*" } })
}

data "aws_iam_policy_document" "base" {
  statement {
    sid       = "Base"
    actions   = ["s3:ListBucket"]
    resources = [for b in var.buckets : "arn:aws:s3:::${b}"]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for p in values(local.prefixes) : "${p}/*"]
    }
    condition {
      test     = "StringLike"
      variable = "aws:PrincipalTag/team"
      values   = ["data"]
    }
  }
  statement {
    sid       = "Replaced"
    actions   = ["s3:PutObject"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "override" {
  statement {
    sid       = "Replaced"
    effect    = "Deny"
    actions   = ["s3:DeleteObject"]
    resources = ["arn:aws:s3:::raw/*"]
  }
}

data "aws_iam_policy_document" "all" {
  source_policy_documents   = [data.aws_iam_policy_document.base.json]
  override_policy_documents = [data.aws_iam_policy_document.override.json]

  dynamic "statement" {
    for_each = var.layers
    iterator = layer
    content {
      sid       = "Layer${title(layer.key)}"
      actions   = layer.value.write ? local.write : local.read
      resources = ["arn:aws:s3:::${layer.key}/*"]
      dynamic "condition" {
        for_each = layer.value.write ? ["aws:kms"] : []
        content {
          test     = "StringEquals"
          variable = "s3:x-amz-server-side-encryption"
          values   = [condition.value]
        }
      }
    }
  }
  statement {
    not_actions   = ["iam:*"]
    not_resources = ["arn:aws:s3:::secret/*"]
    effect        = "Deny"
  }
}

resource "aws_iam_policy" "document" {
  name   = "document"
  policy = data.aws_iam_policy_document.all.json
}

data "aws_iam_policy_document" "trust" {
  for_each = var.from_auto_file
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${local.account}:root"]
    }
  }
}

resource "aws_iam_role" "trusted" {
  for_each           = toset(["lambda", "events"])
  name               = "trusted-${each.value}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.value].json
}

module "team" {
  source  = "./team"
  for_each = { a = ["sqs:SendMessage"], b = ["sqs:ReceiveMessage", "sqs:DeleteMessage"] }
  actions = each.value
  name    = each.key
  grants  = { queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:${each.key}" } }
}

resource "aws_iam_policy" "output" {
  name   = "output"
  policy = module.team["b"].policy
}
