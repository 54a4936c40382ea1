//! A baseline stays valid when a new version of the program words its messages differently: `baseline/baseline.json`
//! was written by version 0.1.0, before its messages were reworded.
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::cargo_bin("policy-lint").expect("the program is built");
    command.current_dir(folder).args(["check", "main.tf", "--persona", "auditor"]).args(arguments);
    let output = command.output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn recorded() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/baseline")
}

fn messages(baseline: &str) -> Vec<String> {
    let baseline: Value = serde_json::from_str(baseline).expect("JSON");
    let findings = baseline["findings"].as_array().expect("a list");
    findings.iter().filter_map(|f| f["message"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_baseline_with_older_wording_suppresses_its_findings() {
    let (code, out) = check(&recorded(), &["--baseline", "baseline.json"]);
    assert!(code == Some(0) && out.starts_with("no findings"), "{out}");
}

#[test]
fn the_recorded_wording_differs_from_the_current_one() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    check(&recorded(), &["--write-baseline", path]);
    let current = messages(&std::fs::read_to_string(path).expect("the new baseline"));
    let recorded = messages(&std::fs::read_to_string(recorded().join("baseline.json")).expect("the old baseline"));
    let reworded = recorded.iter().filter(|m| !current.contains(m)).count();
    assert!(reworded > 20, "only {reworded} of {} messages differ", recorded.len());
}

#[test]
fn a_finding_with_another_subject_is_still_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = std::fs::read_to_string(recorded().join("main.tf")).expect("the source");
    std::fs::write(folder.path().join("main.tf"), source.replace("sqz:Send", "sqy:Send")).expect("a file");
    std::fs::copy(recorded().join("baseline.json"), folder.path().join("baseline.json")).expect("a copy");
    let (code, out) = check(folder.path(), &["--baseline", "baseline.json", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let rules: Vec<&str> =
        report["findings"].as_array().expect("a list").iter().filter_map(|f| f["rule"].as_str()).collect();
    assert_eq!((code, rules), (Some(1), vec!["unknown-service"]));
}
