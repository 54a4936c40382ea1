//! The command line: output, exit codes and input that cannot be read.
use std::path::Path;

use serde_json::Value;

mod support;
use support::{folder, policy_lint, run};

fn json(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = run(folder, &[arguments, &["--format", "json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out} {err}")))
}

const WIDE: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Sid\": \"U\", \"Action\": [\"s3:GetObject\", \"s3:*\"], \"Resource\": \"arn:aws:s3:::b/*\"}\n  ]\n}\n";
const NARROW: &str = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}}\n";

#[test]
fn json_output_has_the_documented_fields() {
    let folder = folder(&[("a.json", WIDE)]);
    let (code, report) = json(folder.path(), &["check", "a.json"]);
    assert_eq!(code, 1);
    assert_eq!(report["version"], 1);
    assert_eq!(report["catalogue"].as_str().map(str::len), Some(10));
    let finding = &report["findings"][0];
    assert_eq!(finding["rule"], "service-wildcard");
    assert_eq!(finding["family"], "breadth");
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["path"], "a.json");
    assert_eq!(finding["kind"], "identity");
    assert_eq!(finding["pointer"], "/Statement/0/Action/1");
    let start = WIDE.find("\"s3:*\"").expect("it is there");
    assert_eq!(finding["span"]["start"], serde_json::json!({"line": 4, "column": 64, "offset": start}));
    assert_eq!(finding["span"]["end"], serde_json::json!({"line": 4, "column": 70, "offset": start + 6}));
    for field in ["message", "help", "aws", "address", "related", "fix"] {
        assert!(finding.get(field).is_some(), "{field}");
    }
    let summary = serde_json::json!({"files": 1, "policies": 1, "errors": 1, "warnings": 0, "notes": 0, "unknown": 0});
    assert_eq!(report["summary"], summary);
}

#[test]
fn exit_codes_follow_the_findings() {
    let folder = folder(&[("wide.json", WIDE), ("narrow.json", NARROW), ("other.json", "{\"a\": 1}")]);
    for (arguments, expected) in [
        (vec!["check", "narrow.json"], 0),
        (vec!["check", "wide.json"], 1),
        (vec!["check", "wide.json", "--fail-on", "never"], 0),
        (vec!["check", "other.json"], 2),
        (vec!["check", "missing.json"], 2),
        (vec!["check", "narrow.json", "--kind", "nonsense"], 2),
        (vec!["explain", "wildcard-action"], 0),
        (vec!["explain", "wildcard-acton"], 2),
    ] {
        let (code, out, err) = run(folder.path(), &arguments);
        assert_eq!(code, expected, "{arguments:?}\n{out}{err}");
    }
}

#[test]
fn an_unreadable_policy_does_not_prevent_checking_the_others() {
    let folder = folder(&[("broken.json", "{\"Statement\": [}"), ("wide.json", WIDE)]);
    let (code, report) = json(folder.path(), &["check", "."]);
    assert_eq!(code, 2);
    let rules: Vec<&str> =
        report["findings"].as_array().expect("a list").iter().filter_map(|f| f["rule"].as_str()).collect();
    assert_eq!(rules, ["invalid-policy", "service-wildcard"]);
}

#[test]
fn folders_skip_files_that_git_ignores_and_unrelated_json() {
    let folder = folder(&[
        (".gitignore", "ignored/\n"),
        ("ignored/wide.json", WIDE),
        ("package.json", "{\"name\": \"x\", \"scripts\": {}}"),
        ("broken.json", "{ not json"),
        ("deep/er/narrow.json", NARROW),
    ]);
    let (code, report) = json(folder.path(), &["check"]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["summary"]["policies"], 1);
}

#[test]
fn a_folder_without_policies_succeeds_with_a_note() {
    let folder = folder(&[("readme.txt", "x")]);
    let (code, _, err) = run(folder.path(), &["check", "."]);
    assert_eq!(code, 0);
    assert!(err.contains("no policy was found"), "{err}");
}

#[test]
fn standard_input_is_checked() {
    let output = policy_lint().args(["check", "-", "--format", "json"]).write_stdin(WIDE).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["findings"][0]["path"], "<stdin>");
}

#[test]
fn unreadable_input_is_named_in_the_message() {
    let folder = folder(&[("empty.json", ""), ("binary.json", "\u{0}\u{1}garbage")]);
    std::fs::write(folder.path().join("latin.json"), b"{\"Statement\": \"\xff\"}").expect("a file");
    let deep = "[".repeat(100_000);
    std::fs::write(folder.path().join("deep.json"), deep).expect("a file");
    for name in ["empty.json", "binary.json", "latin.json", "deep.json"] {
        let (code, out, err) = run(folder.path(), &["check", name]);
        assert_eq!(code, 2, "{name}: {out}{err}");
        assert!(out.contains(name) || err.contains(&format!("`{name}`")), "{name}: {out}{err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

#[cfg(unix)]
#[test]
fn a_symlink_loop_terminates() {
    let folder = folder(&[("a/narrow.json", NARROW)]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).expect("a link");
    let (code, report) = json(folder.path(), &["check", "."]);
    assert_eq!(code, 0);
    assert_eq!(report["summary"]["policies"], 1);
}

#[test]
fn exceptions_suppress_findings_and_are_checked_themselves() {
    let entry = |more: &str| format!("[[allow]]\nrule = \"service-wildcard\"\npath = \"a.json\"\n{more}");
    for (more, code, expected) in [
        ("reason = \"x\"\nuntil = 2999-01-01\n", 0, vec![]),
        ("reason = \"x\"\npointer = \"/Statement/0/Action/1\"\n", 0, vec![]),
        ("", 1, vec!["allow-without-reason"]),
        ("reason = \"x\"\nuntil = 2020-01-01\n", 1, vec!["service-wildcard", "allow-expired"]),
        ("reason = \"x\"\npointer = \"/Statement/1\"\n", 1, vec!["service-wildcard", "allow-unused"]),
    ] {
        let folder = folder(&[("a.json", WIDE), ("policy-lint.toml", &entry(more))]);
        let (actual, report) = json(folder.path(), &["check", "a.json"]);
        let rules: Vec<&str> =
            report["findings"].as_array().expect("a list").iter().filter_map(|f| f["rule"].as_str()).collect();
        assert_eq!((actual, rules), (code, expected), "{more}");
    }
}

#[test]
fn an_exception_for_a_file_that_was_not_checked_is_not_reported() {
    let allow = "[[allow]]\nrule = \"service-wildcard\"\npath = \"b.json\"\nreason = \"x\"\n";
    let folder = folder(&[("a.json", NARROW), ("policy-lint.toml", allow)]);
    assert_eq!(json(folder.path(), &["check", "a.json"]).1["findings"], serde_json::json!([]));
}

#[test]
fn an_invalid_exceptions_file_is_rejected() {
    let folder = folder(&[("a.json", NARROW), ("policy-lint.toml", "[[allow]]\nrule = \"nonsense\"\n")]);
    let (code, _, err) = run(folder.path(), &["check", "a.json"]);
    assert_eq!(code, 2);
    assert!(err.contains("policy-lint.toml") && err.contains("`nonsense`"), "{err}");
}

#[test]
fn output_does_not_depend_on_the_number_of_threads() {
    let files: Vec<(String, String)> =
        (0..40).map(|i| (format!("p{i}.json"), if i % 3 == 0 { WIDE.to_owned() } else { NARROW.to_owned() })).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let folder = folder(&files);
    let outputs: Vec<String> = ["1", "2", "7"]
        .iter()
        .map(|threads| {
            let mut command = policy_lint();
            command
                .current_dir(folder.path())
                .env("RAYON_NUM_THREADS", threads)
                .args(["check", ".", "--format", "json"]);
            String::from_utf8(command.output().expect("it runs").stdout).expect("UTF-8")
        })
        .collect();
    assert!(outputs[0].contains("service-wildcard"));
    assert!(outputs.iter().all(|o| *o == outputs[0]));
}

#[test]
fn rules_and_version_are_machine_readable() {
    let folder = folder(&[]);
    let (_, out, _) = run(folder.path(), &["rules", "--format", "json"]);
    let rules: Value = serde_json::from_str(&out).expect("JSON");
    for rule in rules.as_array().expect("a list") {
        for field in ["name", "family", "severity", "persona", "aws", "summary"] {
            assert!(rule.get(field).is_some(), "{rule}");
        }
        let (code, page, _) = run(folder.path(), &["explain", rule["name"].as_str().expect("a name")]);
        assert!(code == 0 && page.starts_with("# "));
    }
    let (_, version, _) = run(folder.path(), &["--version"]);
    assert!(version.contains(env!("CARGO_PKG_VERSION")) && version.contains("catalogue 20"), "{version}");
}

#[test]
fn terraform_source_is_evaluated_and_unresolved_values_are_listed() {
    let source = r#"
variable "open" {}
variable "given" { default = ["dynamodb:*"] }
locals { acts = concat(["s3:*"], var.given) }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Action = local.acts, Resource = "arn:aws:s3:::${var.open}/*" }] })
}
resource "aws_iam_policy" "q" { policy = var.open }
module "m" {
  source = "./m"
  action = "sqs:*"
}
"#;
    let module = "variable \"action\" {}\nresource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({ Version = \"2012-10-17\", Statement = { Effect = \"Allow\", Action = var.action, Resource = \"arn:aws:sqs:*:*:q\" } })\n}\n";
    let folder = folder(&[("main.tf", source), ("m/main.tf", module), ("broken/main.tf", "resource \"x\" {")]);
    let (code, report) = json(folder.path(), &["check", "main.tf"]);
    assert_eq!(code, 1);
    let lines: Vec<(&str, u64, &str)> = report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|f| f["rule"] == "service-wildcard")
        .map(|f| {
            let text = |v: &'static str| f[v].as_str().unwrap_or_default();
            (text("path"), f["span"]["start"]["line"].as_u64().unwrap_or(0), text("address"))
        })
        .collect();
    let expected = [
        ("main.tf", 3, "aws_iam_policy.p"),
        ("main.tf", 4, "aws_iam_policy.p"),
        ("main.tf", 12, "module.m.aws_iam_policy.p"),
    ];
    assert_eq!(lines, expected);
    let unknown: Vec<&str> =
        report["unknown"].as_array().expect("a list").iter().filter_map(|u| u["what"].as_str()).collect();
    assert_eq!(unknown, ["var.open", "var.open"]);
    let (code, report) = json(folder.path(), &["check", "."]);
    assert_eq!(code, 2, "a broken file");
    assert!(report["findings"].as_array().expect("a list").iter().any(|f| f["path"] == "broken/main.tf"));
    assert!(report["findings"].as_array().expect("a list").iter().any(|f| f["path"] == "main.tf"));
}

/// The AWS CLI also prints documents as JSON strings, and the IAM API returns them URL-encoded.
#[test]
fn a_document_inside_a_string_is_checked() {
    let escaped = serde_json::json!({"PolicyDocument": WIDE}).to_string();
    let url_encoded = WIDE.replace('%', "%25").replace('{', "%7B").replace('"', "%22").replace(':', "%3a");
    let encoded = serde_json::json!({"PolicyVersion": {"Document": url_encoded}}).to_string();
    let folder = folder(&[("a.json", &escaped), ("b.json", &encoded), ("c.json", "{\"PolicyDocument\": \"no\"}")]);
    for (file, text) in [("a.json", &escaped), ("b.json", &encoded)] {
        let (code, report) = json(folder.path(), &["check", file]);
        let finding = &report["findings"][0];
        assert_eq!((code, finding["rule"].as_str()), (1, Some("service-wildcard")), "{report}");
        let at = |end: &str| finding["span"][end]["offset"].as_u64().and_then(|n| usize::try_from(n).ok());
        let marked = &text[at("start").expect("a start")..at("end").expect("an end")];
        assert!(["\\\"s3:*\\\"", "%22s3%3a*%22"].contains(&marked), "{marked}");
    }
    assert_eq!(json(folder.path(), &["check", "c.json"]).0, 2);
}

#[test]
fn a_byte_order_mark_does_not_count_as_a_column() {
    let source = "resource \"aws_iam_policy\" \"p\" { policy = jsonencode({ Statement = { Effect = \"Allow\", Action = \"s3:*\", Resource = \"*\" } }) }\n";
    let folder = folder(&[("plain/main.tf", source), ("marked/main.tf", &format!("\u{feff}{source}"))]);
    let spans =
        ["plain", "marked"].map(|f| json(folder.path(), &["check", f]).1["findings"][0]["span"]["start"].clone());
    assert_eq!(spans[0]["column"], spans[1]["column"]);
    assert_eq!(spans[0]["offset"].as_u64().map(|o| o + 3), spans[1]["offset"].as_u64());
}
