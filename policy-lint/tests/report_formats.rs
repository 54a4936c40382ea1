//! What each report format writes for a small set of inputs.
use std::path::Path;

mod support;

const TERRAFORM: &str = r#"variable "bucket" {}

resource "aws_iam_policy" "reader" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:GetObject", "s3:*"], Resource = "arn:aws:s3:::${var.bucket}/*" },
      { Effect = "Allow", Action = "sqz:SendMessage", Resource = "*" },
    ]
  })
}
"#;

const TRUST: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
}
"#;

const EXCEPTIONS: &str = r#"[[allow]]
rule = "wildcard-action"
reason = "nothing of this kind is there"
"#;

fn folder() -> tempfile::TempDir {
    let folder = support::folder(&[
        ("a, b.tf", TERRAFORM),
        ("trust.json", TRUST),
        ("policy-lint.toml", EXCEPTIONS),
        ("broken.json", "{\"Statement\": [}"),
    ]);
    std::fs::write(folder.path().join("latin.json"), b"{\"Statement\": \"\xff\"}").expect("a file");
    folder
}

/// Exit code, standard output and standard error of a check of the folder.
fn check(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, err) =
        support::run(folder, &[&["check", ".", "latin.json", "--persona", "auditor"], arguments].concat());
    format!("exit code {code}\n--- standard error\n{err}--- standard output\n{out}")
}

/// The list of rules in SARIF is the list of rule pages, which have tests of their own.
fn without_rules(sarif: &str) -> String {
    let (head, log) = sarif.split_at(sarif.find("\n{").map_or(0, |at| at + 1));
    let mut log: serde_json::Value = serde_json::from_str(log).expect("JSON");
    log["runs"][0]["tool"]["driver"]["rules"] = serde_json::json!(["…"]);
    format!("{head}{log:#}")
}

/// The catalogue's date changes with its update.
fn without_date(report: &str) -> String {
    report.replace(iam_policy::catalogue::DATE, "DATE")
}

#[test]
fn text() {
    insta::assert_snapshot!(check(folder().path(), &["--format", "text"]));
}

#[test]
fn json() {
    insta::assert_snapshot!(without_date(&check(folder().path(), &["--format", "json"])));
}

#[test]
fn sarif() {
    insta::assert_snapshot!(without_date(&without_rules(&check(folder().path(), &["--format", "sarif"]))));
}

#[test]
fn github() {
    insta::assert_snapshot!(check(folder().path(), &["--format", "github"]));
}

#[test]
fn baseline() {
    let folder = folder();
    let written = check(folder.path(), &["--write-baseline", "base.json"]);
    let baseline = std::fs::read_to_string(folder.path().join("base.json")).expect("the baseline");
    std::fs::write(folder.path().join("trust.json"), TRUST.replace('*', "arn:aws:iam::111122223333:role/reader"))
        .expect("a file");
    let checked = check(folder.path(), &["--baseline", "base.json"]);
    insta::assert_snapshot!(format!("{written}\n--- base.json\n{baseline}\n--- with the baseline\n{checked}"));
}
