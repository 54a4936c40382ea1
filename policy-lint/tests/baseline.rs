//! A baseline stays valid when a new version of the program words its messages differently: `baseline/baseline.json`
//! was written by version 0.1.0, before its messages were reworded.
use std::path::Path;

use serde_json::Value;

mod support;

fn check(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let (code, out, _) = support::run(folder, &[&["check", "main.tf", "--persona", "auditor"], arguments].concat());
    (code, out)
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
    assert!(code == 0 && out.starts_with("no findings"), "{out}");
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
    let source = std::fs::read_to_string(recorded().join("main.tf")).expect("the source");
    let baseline = std::fs::read_to_string(recorded().join("baseline.json")).expect("the baseline");
    let folder = support::folder(&[("main.tf", &source.replace("sqz:Send", "sqy:Send")), ("baseline.json", &baseline)]);
    let (code, out) = check(folder.path(), &["--baseline", "baseline.json", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let rules: Vec<&str> =
        report["findings"].as_array().expect("a list").iter().filter_map(|f| f["rule"].as_str()).collect();
    assert_eq!((code, rules), (1, vec!["unknown-service"]));
}
