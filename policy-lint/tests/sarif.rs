//! Real output against the schema of SARIF 2.1.0 as OASIS publishes it, which the package `serde-sarif` ships.
use std::path::{Path, PathBuf};
use std::process::Command;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema in the source of the package, where cargo keeps it.
fn schema() -> Value {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let package = packages.iter().find(|p| p["name"] == "serde-sarif").expect("it is a dependency");
    let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a path"));
    let text = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).expect("the schema");
    // As published one pattern has a bracket too many, which strict readers of patterns refuse.
    let wrong = "{2}]?$";
    assert!(text.contains(wrong), "the schema is mended; read it as it is");
    serde_json::from_str(&text.replace(wrong, "{2}$")).expect("JSON")
}

fn run(folder: &Path, arguments: &[&str]) -> Value {
    let output = assert_cmd::Command::cargo_bin("policy-lint")
        .expect("the program is built")
        .current_dir(folder)
        .args(["check", "--format", "sarif", "--persona", "auditor"])
        .args(arguments)
        .output()
        .expect("it runs");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

fn errors(validator: &Validator, log: &Value) -> Vec<String> {
    validator.iter_errors(log).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn real_output_is_what_the_schema_says() {
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
