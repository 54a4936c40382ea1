# One policy in many spellings: functions, whole modules and resources, files, the JSON form (more.tf.json).
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

variable "truth" {
  type    = bool
  default = "true"
}

variable "pair" {
  type    = tuple([string, list(number)])
  default = ["s3:GetObject", ["1"]]
}

locals {
  list    = [{ a = "s3:GetObject", l = ["s3:GetObject"] }, { a = "s3:PutObject", l = [] }]
  object  = { a = "s3:GetObject" }
  nothing = null
  text    = "$${service}:%%{ for v in verbs }$${v}%%{ endfor }"

  functions = {
    base64        = base64decode(base64encode("s3:GetObject"))
    bool          = var.truth ? "s3:GetObject" : "s3:PutObject"
    bool_text     = "${true}" == "true" ? "s3:PutObject" : "s3:GetObject"
    can           = can(local.object.b) || can(tonumber("x")) || can(regex("^sqs:", "s3:x")) ? "s3:PutObject" : "s3:GetObject"
    chunks        = chunklist(["s3:PutObject", "s3:ListBucket", "s3:GetObject"], 2)[1]
    coalesce      = coalesce(null, "", "s3:GetObject", "s3:PutObject")
    file          = base64decode(filebase64("${path.module}/many/action.txt"))
    format_go     = jsondecode(format("%#v", ["s3:%s", "s3:GetObject"]))[1]
    format_float  = format("s3:%.2f|%x|%f", 1.5, 255, 2)
    format_number = format("%[2]s:GetObject-%05d-%-3[1]s|", "a", "s3", 7)
    format_pad    = format("%4s%-4s|%q", "s3", "a", "b")
    groups        = regex("(?P<service>[a-z0-9]+):(?P<verb>\\w+)", "s3:GetObject").verb
    index         = ["s3:PutObject", "s3:GetObject"][index(["a", "b"], "b")]
    intersection  = setintersection(["s3:GetObject", "s3:PutObject"], ["s3:GetObject", "s3:X"], ["s3:GetObject"])
    legacy        = local.list.*.l[0]
    matched       = matchkeys(["s3:GetObject", "s3:PutObject"], ["a", "b"], ["a"])
    nothing       = [for n in local.nothing[*] : n]
    numbers       = "s${sum([1, 2])}${pow(2, 3)}${signum(-4)}${parseint("ff", 16)}${log(8, 2)}${floor(2.9)}"
    number_text   = "3" == 3 || 3 != 3.0 ? "s3:PutObject" : "s3:GetObject"
    one           = one(local.list[0].l[*])
    pairs         = [for p in setproduct(["s3"], ["Get", "Put"]) : "${p[0]}:${p[1]}Object"]
    pattern       = regexall("s3:\\w+", "s3:GetObject and s3:PutObject")
    replaced      = replace("GetObject..s3", "/(\\w+)\\.+(\\w+)/", "$2:$1")
    splat         = local.list[*].a
    template      = templatestring(local.text, { service = "s3", verbs = ["Get", "Object"] })
    transposed    = keys(transpose({ a = ["s3:GetObject"], b = ["s3:GetObject", "s3:PutObject"] }))
    tried         = try(local.object.b, tonumber("x"), local.list[7], jsondecode("{"), file("${path.module}/none"), "s3:GetObject")
    tuple         = "s3:Get${var.pair[1][0] + 1}"
    url           = urlencode("s3:Get~Object")
    whole         = lookup(module.part, "given", "s3:PutObject")
    yaml          = yamldecode("a: &a ['s3:GetObject']\nb: *a\n").b
    yaml_merge    = yamldecode("x: &x {a: 's3:GetObject', b: 's3:PutObject'}\nc:\n  <<: *x\n  b: no\n").c
    yaml_plain    = yamldecode("[yes, 2012-10-17, 012, 0x1f, 1_0, 1e3, ~, '1', !!str 1]")
  }

  parts = merge([for name, part in module.parts : { (name) = part.given }]...)
  yaml  = yamldecode(file("${path.module}/many/policy.yaml"))
}

resource "aws_iam_policy" "function" {
  for_each = local.functions
  name     = each.key
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = each.value, Resource = "arn:aws:s3:::${each.key}/*" }
  })
}

resource "aws_iam_policy" "file" {
  for_each = fileset("${path.module}/many", "*.json")
  name     = trimsuffix(each.value, ".json")
  policy   = file("${path.module}/many/${each.value}")
}

resource "aws_iam_policy" "yaml" {
  name   = "yaml"
  policy = jsonencode(local.yaml.policies[0])
}

module "part" {
  source = "./part"
  given  = "s3:GetObject"
}

module "parts" {
  source   = "./part"
  for_each = { read = "s3:GetObject", write = "s3:PutObject" }
  given    = each.value
}

resource "aws_iam_policy" "part" {
  for_each = module.parts
  name     = "part-${each.key}"
  policy   = each.value.policy
}

resource "aws_iam_policy" "copy" {
  for_each = aws_iam_policy.part
  name     = "copy-${each.value.name}"
  policy   = each.value.policy
}

resource "aws_iam_policy" "parts" {
  name = "parts"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for name, action in local.parts : { Sid = title(name), Effect = "Allow", Action = action, Resource = "*" }]
  })
}

data "aws_iam_policy_document" "whole" {
  policy_id = "whole"
  statement {
    actions   = values(module.parts)[*].given
    resources = ["*"]
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = [true]
    }
  }
}

locals {
  documents = { whole = data.aws_iam_policy_document.whole }
}

resource "aws_iam_policy" "whole" {
  for_each = local.documents
  name     = each.key
  policy   = each.value.json
}
