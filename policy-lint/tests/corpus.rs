//! A folder of policies that AWS wrote: nothing crashes, and nearly all of them are let alone.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use policy_lint::engine::{Report, Reported};
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

fn report(folder: PathBuf, persona: Persona) -> Report {
    check(&Request {
        paths: vec![folder],
        stdin: None,
        var_files: Vec::new(),
        skip_others: false,
        kind: None,
        persona,
        config: None,
        today: String::from("2026-01-01"),
    })
}

#[test]
fn every_policy_is_read() {
    let Some(folder) = corpus() else { return };
    let files = std::fs::read_dir(&folder).expect("the folder").count();
    let report = report(folder, Persona::Auditor);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(report.policies, files);
    assert!(!report.findings.iter().any(|f| f.finding.rule.name == "invalid-policy"));
}

/// What AWS's own validator says of the same policies, with the same code: it does not call them clean either.
const SAID_BY_AWS: &[&str] = &[
    "EQUIVALENT_TO_NULL_FALSE",
    "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA",
    "REDUNDANT_ACTION",
    "REDUNDANT_RESOURCE",
];

/// Breadth and escalation apart: AWS's own policies are broad on purpose.
#[test]
fn nearly_all_of_them_are_let_alone() {
    let Some(folder) = corpus() else { return };
    let report = report(folder, Persona::Regular);
    let said = |f: &Reported| f.finding.aws.is_some_and(|code| SAID_BY_AWS.contains(&code));
    let counted = |f: &&Reported| !matches!(f.finding.rule.family, Family::Breadth | Family::Escalation) && !said(f);
    let loud: BTreeSet<&str> = report.findings.iter().filter(counted).map(|f| f.place.file.path.as_str()).collect();
    assert!(loud.len() * 20 <= report.policies, "{} of {} policies have a finding", loud.len(), report.policies);
}
