//! Terraform source with unknown conditions, and resources that do not exist with the given values.
use policy_lint::diagnostic::Report;
use policy_lint::engine;
use policy_lint::terraform;

fn check(files: &[(&str, &str)]) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    let mut report = Report::default();
    let outcome = terraform::read(&[folder.path().to_path_buf()], &[]);
    outcome.projects.iter().for_each(|p| report.merge(engine::run(p)));
    report.sort();
    report
}

/// Rule, marked text and messages of the related locations of every finding of `rules`.
fn found(report: &Report, rules: &[&str]) -> Vec<(&'static str, String, Vec<String>)> {
    let text = |p: &source_text::Location| p.file.text[p.start as usize..p.end as usize].to_owned();
    let wanted = report.findings.iter().filter(|f| rules.contains(&f.finding.rule.name));
    wanted
        .map(|f| {
            let related = f.related.iter().map(|(p, m)| format!("{}: {m}", text(p))).collect();
            (f.finding.rule.name, text(&f.location), related)
        })
        .collect()
}

fn policy(statement: &str) -> String {
    format!(
        "variable \"x\" {{}}\nresource \"aws_iam_policy\" \"p\" {{\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = {statement} }})\n}}\n"
    )
}

const BRANCH: &str = "depends on this expression, which only a plan can resolve";

#[test]
fn both_branches_are_checked_and_a_finding_in_one_names_the_condition() {
    for (statement, wide, candidate) in [
        (
            "[{ Effect = \"Allow\", Action = var.x ? \"s3:*\" : \"s3:GetObject\", Resource = \"arn:aws:s3:::b/*\" }]",
            "\"s3:*\"",
            "var.x ? \"s3:*\" : \"s3:GetObject\"",
        ),
        (
            "[{ Effect = \"Allow\", Action = \"s3:${var.x ? \"*\" : \"GetObject\"}\", Resource = \"arn:aws:s3:::b/*\" }]",
            "\"s3:${var.x ? \"*\" : \"GetObject\"}\"",
            "\"s3:${var.x ? \"*\" : \"GetObject\"}\"",
        ),
        (
            "concat([], var.x == \"y\" ? [{ Effect = \"Allow\", Action = \"sqs:*\", Resource = \"arn:aws:sqs:*:1:q\" }] : [])",
            "\"sqs:*\"",
            "concat([], var.x == \"y\" ? [{ Effect = \"Allow\", Action = \"sqs:*\", Resource = \"arn:aws:sqs:*:1:q\" }] : [])",
        ),
    ] {
        let report = check(&[("main.tf", &policy(statement))]);
        let expected = vec![("service-wildcard", wide.to_owned(), vec![format!("{candidate}: {BRANCH}")])];
        assert_eq!(found(&report, &["service-wildcard", "wrong-type", "redundant-action"]), expected, "{statement}");
        assert!(report.unresolved.iter().any(|u| u.why.contains("every branch is checked")), "{:?}", report.unresolved);
    }
}

#[test]
fn branches_are_checked_independently() {
    let report = check(&[(
        "main.tf",
        &policy(
            "[var.x ? { Sid = \"A\", Effect = \"Allow\", Action = [\"s3:GetObject\", \"s3:Get*\"], Resource = \"arn:aws:s3:::b/*\" } : { Sid = \"A\", Effect = \"Deny\", Action = \"s3:GetObject\", Resource = \"arn:aws:s3:::b/*\" }]",
        ),
    )]);
    let rules: Vec<&str> =
        found(&report, &["duplicate-sid", "redundant-action", "redundant-statement"]).iter().map(|f| f.0).collect();
    assert_eq!(rules, ["redundant-action"]);
}

#[test]
fn a_finding_in_every_branch_names_no_condition() {
    let statement =
        "[{ Effect = \"Allow\", Action = \"s3:*\", Resource = var.x ? \"arn:aws:s3:::a/*\" : \"arn:aws:s3:::b/*\" }]";
    let report = check(&[("main.tf", &policy(statement))]);
    assert_eq!(found(&report, &["service-wildcard"]), [("service-wildcard", String::from("\"s3:*\""), vec![])]);
}

#[test]
fn every_branch_of_a_chain_and_of_a_whole_policy_is_checked() {
    let document = |action: &str| {
        format!(
            "jsonencode({{ Version = \"2012-10-17\", Statement = {{ Effect = \"Allow\", Action = \"{action}\", Resource = \"arn:aws:{}:*:1:x\" }} }})",
            action.trim_end_matches(":*")
        )
    };
    let source = format!(
        "variable \"x\" {{}}\nresource \"aws_iam_policy\" \"p\" {{\n  policy = var.x == \"a\" ? {} : var.x == \"b\" ? {} : var.x == \"c\" ? null : {}\n}}\n",
        document("sqs:*"),
        document("sns:*"),
        document("kms:*")
    );
    let report = check(&[("main.tf", &source)]);
    let texts: Vec<String> = found(&report, &["service-wildcard"]).into_iter().map(|f| f.1).collect();
    assert_eq!(texts, ["\"sqs:*\"", "\"sns:*\"", "\"kms:*\""]);
    assert_eq!(report.policies, 1);
}

#[test]
fn conditional_blocks_are_checked() {
    let source = r#"
variable "x" {}
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/*"]
  }
  dynamic "statement" {
    for_each = var.x ? ["sqs:*"] : []
    content {
      actions   = [statement.value]
      resources = ["arn:aws:sqs:eu-west-1:111122223333:q"]
    }
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
resource "aws_iam_policy" "each" {
  for_each = var.x ? { a = "sns:*" } : {}
  policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = each.value, Resource = "arn:aws:sns:*:1:t" }] })
}
"#;
    let report = check(&[("main.tf", source)]);
    let texts: Vec<String> = found(&report, &["service-wildcard", "wrong-type"]).into_iter().map(|f| f.1).collect();
    assert_eq!(texts, ["\"sqs:*\"", "\"sns:*\""]);
}

#[test]
fn policies_of_disabled_resources_are_checked_by_their_text_only() {
    let module = r#"
variable "key" { default = null }
variable "name" { default = "" }
variable "wide" { default = false }
resource "aws_s3_bucket" "b" { bucket = "same" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "s3:*", Resource = "arn:aws:s3:::${var.name}/*" },
    { Effect = "Allow", Action = "kms:Decrypt", Resource = var.key },
    { Effect = "Allow", Action = var.wide ? "sqs:*" : "sqs:SendMessage", Resource = [] },
  ] })
}
"#;
    let source = r#"
variable "on" { default = false }
resource "aws_s3_bucket" "b" { bucket = "same" }
module "m" {
  count  = var.on ? 1 : 0
  source = "./m"
}
resource "aws_iam_policy" "none" {
  for_each = toset([])
  policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sns:*", Resource = each.value }] })
}
output "arns" { value = module.m[*].arn }
"#;
    let report = check(&[("main.tf", source), ("m/main.tf", module)]);
    let note = "not created with these values; the policy is checked anyway";
    let (count, each) = (format!("count: {note}"), format!("for_each: {note}"));
    let mut actual =
        found(&report, &["service-wildcard", "wrong-type", "empty-element", "invalid-arn", "equal-bucket-names"]);
    actual.iter_mut().for_each(|f| f.2.retain(|r| r.contains(note)));
    actual.sort();
    let expected = [
        ("service-wildcard", String::from("\"s3:*\""), vec![count.clone()]),
        ("service-wildcard", String::from("\"sns:*\""), vec![each]),
        ("service-wildcard", String::from("\"sqs:*\""), vec![count]),
    ];
    assert_eq!(actual, expected);
    assert!(report.errors.is_empty());
}

/// An unknown index can select every element.
#[test]
fn every_element_that_an_unknown_index_can_select_is_checked() {
    let one = |action: &str| {
        policy(&format!("[{{ Effect = \"Allow\", Action = {action}, Resource = \"arn:aws:sqs:*:1:q\" }}]"))
    };
    let whole = |source: &str| format!("variable \"x\" {{}}\nresource \"aws_iam_policy\" \"p\" {{\n{source}\n}}\n");
    let statement = |action: &str| {
        format!(
            "jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = {action}, Resource = \"arn:aws:sqs:*:1:q\" }}] }})"
        )
    };
    let heredoc = |statements: &str| {
        whole(&format!("policy = <<-EOT\n{{\"Version\":\"2012-10-17\",\"Statement\":[\n{statements}\n]}}\nEOT"))
    };
    let wide = "{\"Effect\":\"Allow\",\"Action\":\"sqs:*\",\"Resource\":\"arn:aws:sqs:*:1:q\"}";
    let narrow = wide.replace("sqs:*\"", "sqs:SendMessage\"");
    for source in [
        one("{ a = \"sqs:SendMessage\", b = \"sqs:*\" }[var.x]"),
        one("lookup({ a = \"sqs:SendMessage\" }, var.x, \"sqs:*\")"),
        one("element([\"sqs:SendMessage\", \"sqs:*\"], var.x)"),
        one("coalesce(var.x, \"sqs:*\")"),
        one("coalescelist(var.x, [\"sqs:*\"])"),
        one("try(var.x.actions, \"sqs:*\")"),
        one("merge({ a = \"sqs:*\" }, var.x).a"),
        one("values({ for k in [\"a\"] : k => \"sqs:*\" if var.x })"),
        one("[for p in setproduct([\"sqs:*\"], var.x) : p[0]]"),
        whole(&format!("count = var.x\npolicy = {}", statement("[\"sqs:SendMessage\", \"sqs:*\"][count.index]"))),
        whole(&format!("for_each = merge({{ a = \"sqs:*\" }}, var.x)\npolicy = {}", statement("each.value"))),
        whole(&format!("for_each = toset(concat([\"sqs:*\"], var.x))\npolicy = {}", statement("each.value"))),
        heredoc(&format!("%{{ if var.x }}{wide}%{{ else }}{narrow}%{{ endif }}")),
        heredoc(&format!("%{{ for a in var.x }}{wide},%{{ endfor }}{narrow}")),
        heredoc(&format!("{narrow}${{var.x ? {} : \"\"}}", serde_json::Value::from(format!(",{wide}")))),
        heredoc(&wide.replace("\"sqs:*\"", "${jsonencode(var.x ? [\"sqs:*\"] : [\"sqs:SendMessage\"])}")),
    ] {
        let report = check(&[("main.tf", &source)]);
        let rules: Vec<&str> =
            found(&report, &["service-wildcard", "invalid-policy", "wrong-type"]).iter().map(|f| f.0).collect();
        assert_eq!(rules, ["service-wildcard"], "{source}");
        assert!(!report.unresolved.is_empty(), "{source}");
    }
}

/// An unknown part of a JSON text is not an error; it is reported as unresolved.
#[test]
fn an_unknown_part_of_a_json_text_is_unresolved_not_invalid() {
    let text = |inner: &str| {
        format!("variable \"x\" {{}}\nresource \"aws_iam_policy\" \"p\" {{\n  policy = <<-EOT\n{inner}\nEOT\n}}\n")
    };
    let report = check(&[("main.tf", &text("{\"Statement\": [{\"Effect\": \"Allow\"} ${var.x}]}"))]);
    assert_eq!(found(&report, &["invalid-policy"]), []);
    assert_eq!(report.unresolved.iter().map(|u| u.what.as_str()).collect::<Vec<_>>(), ["var.x"]);
    let report = check(&[("main.tf", &text("{\"Statement\": [{\"Effect\": \"${var.x}\"} 1]}"))]);
    assert_eq!(found(&report, &["invalid-policy"]).len(), 1);
}

#[test]
fn attached_policies_are_checked_in_every_branch_or_reported_as_unresolved() {
    let source = r#"
variable "x" {}
resource "aws_iam_role_policy_attachment" "branch" {
  role       = "r"
  policy_arn = var.x ? "arn:aws:iam::aws:policy/AdministratorAccess" : "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
}
data "aws_iam_policy" "power" {
  for_each = toset(["PowerUserAccess"])
  name     = each.key
}
resource "aws_iam_role_policy_attachment" "named" {
  for_each   = data.aws_iam_policy.power
  role       = "r"
  policy_arn = each.value.arn
}
resource "aws_iam_policy" "own" {
  policy = "{}"
}
resource "aws_iam_role_policy_attachment" "own" {
  role       = "r"
  policy_arn = aws_iam_policy.own.arn
}
resource "aws_iam_user_policy_attachment" "open" {
  user       = "u"
  policy_arn = var.x
}
"#;
    let report = check(&[("main.tf", source)]);
    let mut texts: Vec<String> = found(&report, &["broad-managed-policy"]).into_iter().map(|f| f.1).collect();
    texts.sort();
    assert_eq!(texts, ["\"PowerUserAccess\"", "\"arn:aws:iam::aws:policy/AdministratorAccess\""]);
    let unresolved: Vec<&str> =
        report.unresolved.iter().filter(|u| u.why.contains("`policy_arn`")).map(|u| u.why.as_str()).collect();
    assert_eq!(unresolved, ["`policy_arn` of `aws_iam_user_policy_attachment.open` is unknown before a plan"]);
}

#[test]
fn a_loop_and_its_elements_select_the_same_alternative() {
    let text = r#"
variable "prefix" {}
locals {
  prefix  = var.prefix == "" ? "" : "${var.prefix}/"
  listing = { for k, v in { Condition = { StringLike = { "s3:prefix" = "${local.prefix}*" } } } : k => v if local.prefix != "" }
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    merge({ Effect = "Allow", Action = "s3:ListBucket", Resource = "arn:aws:s3:::some-bucket" }, local.listing)
  ] })
}
"#;
    let report = check(&[("main.tf", text)]);
    assert_eq!(found(&report, &["condition-always-true"]), vec![], "there is no condition where the prefix is empty");
    let wide = text.replace("if local.prefix != \"\"", "if local.prefix == \"\"");
    assert_eq!(found(&check(&[("main.tf", &wide)]), &["condition-always-true"]).len(), 1);
}

#[test]
fn an_unknown_number_of_instances_is_checked_as_one() {
    let module =
        "output \"arn\" {\n  value = \"arn:aws:iam::123456789012:role/x\"\n}\noutput \"name\" {\n  value = \"x\"\n}\n";
    for (repeat, collection) in [("count = length(var.x)", "module.m"), ("for_each = toset(var.x)", "module.m")] {
        let text = format!(
            "variable \"x\" {{}}\nmodule \"m\" {{\n  source = \"./m\"\n  {repeat}\n}}\nresource \"aws_sqs_queue_policy\" \"p\" {{\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = [for m in {collection} : {{ Sid = \"Two\", Effect = \"Allow\", Principal = {{ AWS = m.arn }}, Action = \"sqs:*\", Resource = \"*\" }}] }})\n}}\n"
        );
        let report = check(&[("main.tf", &text), ("m/main.tf", module)]);
        let found = found(&report, &["duplicate-sid", "service-wildcard", "invalid-principal"]);
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), ["service-wildcard"], "{repeat}: {found:?}");
    }
}

#[test]
fn two_unknown_values_are_not_equal() {
    let rules = ["redundant-statement", "redundant-resource", "redundant-action"];
    let silent = [
        "[for k in [\"a\", \"b\"] : { Effect = \"Allow\", Action = \"s3:ListBucket\", Resource = \"arn:aws:s3:::${var.x[k]}\" }]",
        "[{ Effect = \"Allow\", Action = \"s3:ListBucket\", Resource = [for k in [\"a\", \"b\"] : \"arn:aws:s3:::${var.x[k]}\"] }]",
        "[{ Effect = \"Allow\", Action = [\"${var.x.a}\", \"${var.x.b}\"], Resource = [\"arn:aws:s3:::${var.x.a}\", \"arn:aws:s3:::${var.x.b}\"] }]",
    ];
    for statement in silent {
        assert_eq!(found(&check(&[("main.tf", &policy(statement))]), &rules), vec![], "{statement}");
    }
    let twice = "[{ Effect = \"Allow\", Action = \"s3:ListBucket\", Resource = [\"arn:aws:s3:::${var.x.a}\", \"arn:aws:s3:::${var.x.a}\"] }]";
    assert_eq!(found(&check(&[("main.tf", &policy(twice))]), &rules).len(), 1);
}
