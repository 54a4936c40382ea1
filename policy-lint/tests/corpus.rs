//! A folder of policies that AWS wrote: nothing crashes, and nearly all of them are let alone.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use policy_lint::rule::{Family, Persona};
use policy_lint::{Request, check};

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/aws-managed-policies");
    let folder = std::env::var_os("POLICY_CORPUS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no corpus at `{}`; set POLICY_CORPUS to a folder of policies", folder.display());
    None
}

#[test]
fn every_policy_is_read() {
    let Some(folder) = corpus() else { return };
    let files = std::fs::read_dir(&folder).expect("the folder").count();
    let request = Request {
        paths: vec![folder],
        stdin: None,
        var_files: Vec::new(),
        skip_others: false,
        kind: None,
        persona: Persona::Auditor,
        config: None,
        today: String::from("2026-01-01"),
    };
    let report = check(&request);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(report.policies, files);
    assert!(!report.findings.iter().any(|f| f.finding.rule.name == "invalid-policy"));
    let loud: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|f| !matches!(f.finding.rule.family, Family::Breadth | Family::Escalation))
        .map(|f| f.place.file.path.as_str())
        .collect();
    assert!(loud.len() * 20 <= files, "{} of {files} policies that AWS wrote have a finding: {loud:?}", loud.len());
}
