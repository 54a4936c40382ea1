//! The AWS-managed policies: every one can be read, and nearly all of them have no finding.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use policy_lint::diagnostic::{Diagnostic, Report};
use policy_lint::rule::{Family, Persona};
use policy_lint::{Request, check};

fn corpus() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/aws-managed-policies");
    let folder = std::env::var_os("POLICY_CORPUS").map_or(default, PathBuf::from);
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
        baseline: None,
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

/// Known names of policies for which the validator of AWS has findings.
fn flagged_by_aws() -> BTreeSet<&'static str> {
    include_str!("flagged_by_aws.txt").lines().filter(|l| !l.starts_with('#')).collect()
}

/// How many policies the validator of AWS has findings for; not all of their names are known.
const FLAGGED: usize = 336;

/// Findings about breadth and escalation do not count: AWS-managed policies are broad by design.
#[test]
fn nearly_all_policies_without_aws_findings_have_no_finding() {
    let Some(folder) = corpus() else { return };
    let report = report(folder, Persona::Regular);
    let flagged = flagged_by_aws();
    assert!(flagged.len() <= FLAGGED, "{} names", flagged.len());
    let counted = |f: &&Diagnostic| !matches!(f.finding.rule.family, Family::Breadth | Family::Escalation);
    let name = |f: &Diagnostic| {
        let name = Path::new(&f.location.file.path).file_stem().and_then(|n| n.to_str());
        name.unwrap_or_default().to_owned()
    };
    let reported: BTreeSet<String> = report.findings.iter().filter(counted).map(name).collect();
    let wrong: Vec<&String> = reported.iter().filter(|n| !flagged.contains(n.as_str())).collect();
    let clean = report.policies.saturating_sub(FLAGGED);
    assert!(wrong.len() * 20 <= clean, "{} of {clean} policies have a finding: {wrong:?}", wrong.len());
}
