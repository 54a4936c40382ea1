//! The AWS managed policies: all of them are read, and almost none has findings.
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

/// Policies in which AWS's own validator has findings, as far as their names are known.
fn flagged_by_aws() -> BTreeSet<&'static str> {
    include_str!("flagged_by_aws.txt").lines().filter(|l| !l.starts_with('#')).collect()
}

/// The number of policies in which AWS's validator has findings: more than there are known names.
const FLAGGED: usize = 336;

/// Without breadth and escalation, because AWS's own policies are broad on purpose.
#[test]
fn policies_that_aws_accepts_have_almost_no_findings() {
    let Some(folder) = corpus() else { return };
    let report = report(folder, Persona::Regular);
    let flagged = flagged_by_aws();
    assert!(flagged.len() <= FLAGGED, "{} names", flagged.len());
    let counted = |f: &&Diagnostic| !matches!(f.finding.rule.family, Family::Breadth | Family::Escalation);
    let name = |f: &Diagnostic| {
        let name = Path::new(&f.location.file.path).file_stem().and_then(|n| n.to_str());
        name.unwrap_or_default().to_owned()
    };
    let loud: BTreeSet<String> = report.findings.iter().filter(counted).map(name).collect();
    let wrong: Vec<&String> = loud.iter().filter(|n| !flagged.contains(n.as_str())).collect();
    let clean = report.policies.saturating_sub(FLAGGED);
    assert!(wrong.len() * 20 <= clean, "{} of {clean} policies have a finding: {wrong:?}", wrong.len());
}
