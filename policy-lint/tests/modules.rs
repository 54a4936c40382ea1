//! Constructs of published modules: correct ones have no findings, and incorrect ones still do.
use policy_lint::rule::Persona;
use policy_lint::{Request, check};

/// The rules with findings for `regular`, with their lines.
fn found(source: &str) -> Vec<(usize, &'static str)> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("main.tf"), source).expect("a file");
    let request = Request {
        paths: vec![folder.path().to_path_buf()],
        stdin: None,
        var_files: Vec::new(),
        skip_others: false,
        kind: None,
        persona: Persona::Regular,
        config: None,
        baseline: None,
        today: String::from("2026-01-01"),
    };
    let report = check(&request);
    report.findings.iter().map(|f| (f.location.positions().0.line, f.finding.rule.name)).collect()
}

/// A document whose placeholders are replaced by the bucket's ARN when it is used.
#[test]
fn placeholders_are_replaced_before_a_document_is_checked() {
    let module = |resource: &str| {
        format!(
            r#"
resource "aws_s3_bucket" "this" {{
  bucket = "quarterly-figures"
}}
resource "aws_s3_bucket_policy" "this" {{
  bucket = aws_s3_bucket.this.id
  policy = replace(data.aws_iam_policy_document.this.json, "@BUCKET@", aws_s3_bucket.this.arn)
}}
data "aws_iam_policy_document" "this" {{
  statement {{
    sid       = "PutReports"
    actions   = ["s3:PutObject"]
    resources = ["{resource}"]
    principals {{
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/writer"]
    }}
  }}
}}
"#
        )
    };
    assert_eq!(found(&module("@BUCKET@/*")), []);
    let unused = module("@BUCKET@/*")
        .replace("policy = replace(data.aws_iam_policy_document.this.json", "policy = replace(\"\"");
    assert_eq!(found(&unused), [], "a document that waits for its bucket elsewhere");
    assert_eq!(found(&module("@BUCKET@")), [(12, "resource-type-mismatch")]);
}

/// `try` over a data source does not use its fallback, because the data source will have a value.
#[test]
fn an_unknown_data_source_in_try_does_not_select_the_fallback() {
    let source = r#"
data "aws_caller_identity" "here" {
  count = 1
}
resource "aws_cloudwatch_log_group" "this" {
  count = 1
  name  = "/aws/lambda/copy"
}
locals {
  account = try(data.aws_caller_identity.here[0].account_id, "")
  logs    = try(data.aws_cloudwatch_log_group.old[0].arn, aws_cloudwatch_log_group.this[0].arn, "")
}
resource "aws_kms_key" "this" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${local.account}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}
data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for v in ["%v:*", "%v:*:*"] : format(v, local.logs)]
  }
}
"#;
    assert_eq!(found(source), []);
    let literal = source.replace("try(data.aws_caller_identity.here[0].account_id, \"\")", "\"12345\"");
    assert_eq!(found(&literal), [(18, "invalid-principal")]);
}

const EMPTY_DEFAULTS: &str = r#"
variable "actions" {
  default = []
}
variable "statements" {
  default = {}
}
variable "provider_arn" {
  default = null
}
variable "issuer" {
  default = null
}
data "aws_iam_policy_document" "given" {
  statement {
    sid       = "Given"
    actions   = var.actions
    resources = ["arn:aws:s3:::figures/*"]
  }
}
data "aws_iam_policy_document" "more" {
  dynamic "statement" {
    for_each = var.statements
    content {
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}
resource "aws_iam_role" "pod" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = var.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${var.issuer}:aud" = "sts.amazonaws.com"
          "${var.issuer}:sub" = "system:serviceaccount:etl:copy"
        }
      }
    }]
  })
}
"#;

/// Callers replace empty defaults.
#[test]
fn an_empty_default_is_not_a_missing_element() {
    let source = EMPTY_DEFAULTS;
    assert_eq!(found(source), []);
    assert_eq!(found(&source.replace("= var.actions", "= []")), [(16, "missing-element")]);
    assert_eq!(found(&source.replace("= var.provider_arn", "= null")), [(35, "wrong-type")]);
}

/// A partly unknown name is the same name in two places.
#[test]
fn a_partly_unknown_name_is_recognized() {
    let source = r#"
variable "stage" {}
resource "aws_lambda_function" "copy" {
  function_name = "copy-${var.stage}"
  role          = aws_iam_role.copy.arn
  timeout       = 5
}
resource "aws_iam_role" "copy" {
  name = "copy-${var.stage}"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}
resource "aws_iam_role_policy_attachments_exclusive" "copy" {
  role_name   = aws_iam_role.copy.name
  policy_arns = ["arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"]
}
resource "aws_cloudwatch_event_rule" "nightly" {
  schedule_expression = "rate(1 day)"
}
resource "aws_cloudwatch_event_target" "copy" {
  rule = aws_cloudwatch_event_rule.nightly.name
  arn  = aws_lambda_function.copy.arn
}
resource "aws_lambda_permission" "nightly" {
  function_name = aws_lambda_function.copy.function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.nightly.arn
}
resource "aws_sqs_queue" "inbox" {
  visibility_timeout_seconds = 30
}
resource "aws_lambda_event_source_mapping" "inbox" {
  event_source_arn = aws_sqs_queue.inbox.arn
  function_name    = aws_lambda_function.copy.arn
}
"#;
    assert_eq!(found(source), []);
    let other = source.replace("function_name = aws_lambda_function.copy.function_name", "function_name = \"other\"");
    assert_eq!(found(&other), [(22, "target-without-permission")]);
}

/// Terraform keeps the last of two equal keys of an object; that is a defect in a policy only.
#[test]
fn a_repeated_key_outside_of_policies_is_not_a_finding() {
    let source = r#"
locals {
  settings = { size = 1, "size" = 2, other = 3, size = 4 }
}
resource "aws_iam_policy" "copy" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::figures/*" }
  })
}
"#;
    assert_eq!(found(source), []);
    let twice = source.replace("Effect = \"Allow\",", "Effect = \"Allow\", Effect = \"Deny\",");
    assert_eq!(found(&twice), [(8, "invalid-policy")]);
}

/// A broad permissions boundary grants nothing; the same policy attached to a role does.
#[test]
fn a_permissions_boundary_does_not_grant() {
    let source = r#"
resource "aws_iam_policy" "bounds" {
  name = "bounds"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = ["s3:*", "sqs:*"], Resource = "*" }
  })
}
resource "aws_iam_role" "copy" {
  name                 = "copy"
  permissions_boundary = aws_iam_policy.bounds.arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
  })
}
"#;
    assert_eq!(found(source), []);
    let attached = format!(
        "{source}resource \"aws_iam_role_policy_attachment\" \"copy\" {{\n  role = aws_iam_role.copy.name\n  policy_arn = aws_iam_policy.bounds.arn\n}}\n"
    );
    assert_eq!(found(&attached), [(6, "service-wildcard"), (6, "service-wildcard")]);
}

/// Instances of one resource are different buckets.
#[test]
fn notifications_of_two_instances_are_for_two_buckets() {
    let source = r#"
resource "aws_s3_bucket" "raw" {
  for_each = toset(["a", "b.c"])
  bucket   = "acme-${each.key}"
}
resource "aws_s3_bucket_notification" "all" {
  for_each    = toset(["a", "b.c"])
  bucket      = aws_s3_bucket.raw[each.key].id
  eventbridge = true
}
"#;
    assert_eq!(found(source), []);
    let again = format!(
        "{source}resource \"aws_s3_bucket_notification\" \"again\" {{\n  bucket = aws_s3_bucket.raw[\"b.c\"].id\n}}\n"
    );
    assert_eq!(found(&again), [(11, "duplicate-bucket-notification")]);
}

/// A repeated document is found where it is used as a whole.
#[test]
fn a_repeated_document_is_read_as_a_whole() {
    let source = r#"
data "aws_iam_policy_document" "each" {
  for_each = { a = ["s3:*"], b = ["sqs:ListQueues"] }
  statement {
    actions   = each.value
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "counted" {
  count = 2
  statement {
    actions   = ["sqs:*"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "each" {
  for_each = data.aws_iam_policy_document.each
  policy   = each.value.json
}
resource "aws_iam_policy" "counted" {
  policy = element(data.aws_iam_policy_document.counted[*].json, 1)
}
"#;
    assert_eq!(found(source), [(3, "service-wildcard"), (12, "service-wildcard")]);
}

/// The ARN of a bucket is unknown, but it is known to be the ARN of a bucket.
#[test]
fn an_unknown_arn_has_its_resource_type() {
    let source = r#"
resource "aws_s3_bucket" "raw" {
}
resource "aws_iam_policy" "encoded" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "s3:PutObject", Resource = [aws_s3_bucket.raw.arn, "${aws_s3_bucket.raw.arn}/*"] }
  })
}
data "aws_iam_policy_document" "written" {
  statement {
    actions   = ["s3:PutObject"]
    resources = [aws_s3_bucket.raw.arn]
  }
}
resource "aws_iam_policy" "written" {
  policy = data.aws_iam_policy_document.written.json
}
"#;
    let lines: Vec<usize> = found(source).iter().map(|f| f.0).collect();
    assert_eq!(found(source).iter().map(|f| f.1).collect::<Vec<_>>(), ["resource-type-mismatch"], "{lines:?}");
    let listed = source.replace("s3:PutObject", "s3:ListBucket");
    assert_eq!(found(&listed.replace(", \"${aws_s3_bucket.raw.arn}/*\"", "")), []);
}

/// Syntax of earlier versions of Terraform and its providers.
#[test]
fn syntax_of_earlier_versions_is_read() {
    let source = r#"
variable "actions" {
  type    = "list"
  default = ["s3:*"]
}
data "template_file" "resource" {
  template = "arn:aws:s3:::$${name}/*"
  vars {
    name = "figures"
  }
}
data "aws_iam_policy_document" "base" {
  statement {
    actions   = ["${var.actions}"]
    resources = ["${data.template_file.resource.rendered}"]
  }
}
data "aws_iam_policy_document" "all" {
  source_json = "${data.aws_iam_policy_document.base.json}"
  statement {
    actions   = "${list("sqs:*")}"
    resources = ["${lookup(map("all", "*"), "all")}"]
  }
}
resource "aws_iam_policy" "all" {
  policy = "${data.aws_iam_policy_document.all.json}"
}
"#;
    assert_eq!(found(source), [(4, "service-wildcard"), (21, "service-wildcard")]);
}
