//! Validates SARIF output against the schema of SARIF 2.1.0 by OASIS (`sarif-2.1.0.schema.json`, see NOTICE).
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

mod support;
use support::folder;

/// The schema is part of this repository, so that the test needs no network.
fn schema() -> Value {
    let text = include_str!("sarif-2.1.0.schema.json");
    // One pattern of the published schema has a superfluous bracket, which strict regular expression parsers reject.
    let wrong = "{2}]?$";
    assert!(text.contains(wrong), "the schema has been corrected: remove this workaround");
    serde_json::from_str(&text.replace(wrong, "{2}$")).expect("JSON")
}

fn run(folder: &Path, arguments: &[&str]) -> Value {
    let (_, out, _) =
        support::run(folder, &[&["check", "--format", "sarif", "--persona", "auditor"], arguments].concat());
    serde_json::from_str(&out).expect("JSON")
}

fn errors(validator: &Validator, log: &Value) -> Vec<String> {
    validator.iter_errors(log).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn output_conforms_to_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let policy = |action: &str| {
        format!(
            "resource \"aws_iam_policy\" \"p\" {{\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = [{action}], Resource = \"*\" }}] }})\n}}\n"
        )
    };
    let wide = policy("\"s3:*\", \"s3:GetObject\", \"sqz:Send\"");
    let calls = "module \"a\" {\n  source = \"./ü m\"\n}\nmodule \"b\" {\n  source = \"./ü m\"\n}\n";
    let found = folder(&[("main.tf", calls), ("ü m/main.tf", &wide), ("broken.json", "{\"Statement\": [}")]);
    std::fs::write(found.path().join("latin.json"), b"{\"Statement\": \"\xff\"}").expect("a file");
    let log = run(found.path(), &[".", "latin.json"]);
    let results = log["runs"][0]["results"].as_array().expect("a list");
    assert!(results.iter().any(|r| r["relatedLocations"].as_array().is_some_and(|l| !l.is_empty())), "{log:#}");
    let notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().expect("a list");
    assert!(results.len() > 3 && notes.len() == 1, "{log:#}");
    assert_eq!(errors(&validator, &log), Vec::<String>::new());

    let allow = "[[allow]]\nrule = \"service-wildcard\"\nreason = \"x\"\n";
    let suppressed = folder(&[("main.tf", &policy("\"s3:*\"")), ("policy-lint.toml", allow)]);
    assert_eq!(errors(&validator, &run(suppressed.path(), &["."])), Vec::<String>::new());
    let empty = folder(&[("main.tf", "")]);
    let log = run(empty.path(), &["."]);
    assert_eq!(log["runs"][0]["results"], json!([]));
    assert_eq!(errors(&validator, &log), Vec::<String>::new());
    assert_eq!(errors(&validator, &run(empty.path(), &["missing.json"])), Vec::<String>::new());

    let mut wrong = log;
    wrong["runs"][0]["results"] = json!([{ "level": "fatal", "message": {} }]);
    assert!(!errors(&validator, &wrong).is_empty());
}
