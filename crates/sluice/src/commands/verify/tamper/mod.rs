//! Ways to tamper with a deployment, applied to one in memory: which findings they cause online and offline, or why they
//! cause none. `docs/provenance.md` has the same list as a table.

mod case;
mod cases;
mod support;

use std::collections::BTreeSet;

use case::{Case, Expected};
use support::Deployment;

const TARGETS: [&str; 6] = ["object", "receipt", "journal entry", "manifest", "pin", "operator record"];
const WAYS: [&str; 6] = ["alter", "remove", "add", "replay", "reorder", "truncate"];

fn matches(found: &[(String, String)], expected: Expected) -> bool {
    let is_found =
        |(kind, names): &(&str, &str)| found.iter().any(|(k, evidence)| k == kind && evidence.contains(names));
    let is_expected =
        |(kind, evidence): &(String, String)| expected.iter().any(|(k, names)| k == kind && evidence.contains(names));
    found.len() == expected.len() && expected.iter().all(is_found) && found.iter().all(is_expected)
}

#[test]
fn an_unchanged_deployment_has_no_findings() {
    let mut deployment = Deployment::new();
    let keys = deployment.evidence.signer.keys();
    for _ in 0..2 {
        assert_eq!((deployment.online(&keys), deployment.offline(&keys)), (Vec::new(), Vec::new()));
        deployment.pins.push(deployment.evidence.head());
        deployment.write_manifest();
    }
}

#[test]
fn each_case_has_exactly_the_expected_findings() {
    let mut mismatches = Vec::new();
    for case in cases::ALL {
        let mut deployment = Deployment::new();
        let keys = deployment.evidence.signer.keys();
        (case.apply)(&mut deployment);
        for (found, expected, mode) in
            [(deployment.online(&keys), case.online, "online"), (deployment.offline(&keys), case.offline, "offline")]
        {
            if !matches(&found, expected) {
                let Case { target, what, .. } = case;
                mismatches.push(format!("{target}: {what}, {mode}: found {found:?}, expected {expected:?}"));
            }
        }
        let needs_note = case.online.is_empty() || case.offline.is_empty();
        assert_eq!(
            needs_note,
            !case.note.is_empty(),
            "{}: a note is needed exactly if something is not found",
            case.what
        );
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

#[test]
fn every_target_and_change_has_a_case() {
    for target in TARGETS {
        for how in WAYS {
            let mut cases = cases::ALL.iter();
            assert!(cases.any(|c| c.target == target && c.how == how), "{how} {target}");
        }
    }
    assert!(cases::ALL.len() >= 60, "{}", cases::ALL.len());
}

#[test]
fn text_of_every_finding() {
    let mut text = String::new();
    for case in cases::ALL {
        let mut deployment = Deployment::new();
        let keys = deployment.evidence.signer.keys();
        (case.apply)(&mut deployment);
        text.push_str(&format!("{}: {}\n", case.target, case.what));
        for finding in deployment.findings(&keys) {
            text.push_str(&format!("  {}\n", finding.text()));
        }
    }
    crate::report::testing::assert_text("verify-findings", text);
}

fn table() -> String {
    let found = |expected: Expected| {
        let kinds: BTreeSet<_> = expected.iter().map(|(kind, _)| format!("`{kind}`")).collect();
        match kinds.is_empty() {
            true => "not found".to_owned(),
            false => kinds.into_iter().collect::<Vec<_>>().join(", "),
        }
    };
    let rows = cases::ALL.iter().map(|case| {
        let (online, offline) = (found(case.online), found(case.offline));
        let Case { target, how, what, note, .. } = case;
        format!("| {target} | {how} | {what} | {online} | {offline} | {note} |\n")
    });
    let head = "| what | how | in words | online | offline | why not |\n| --- | --- | --- | --- | --- | --- |\n";
    format!("{head}{}", rows.collect::<String>())
}

/// To update the page: `SLUICE_WRITE=1 cargo test --workspace --bin sluice the_page_has_the_table_of_cases`.
#[test]
fn the_page_has_the_table_of_cases() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/provenance.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- tamper table -->\n", "<!-- end of the tamper table -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (current, after) = rest.split_once(end).unwrap();
    if std::env::var_os("SLUICE_WRITE").is_some() {
        let written = format!("{before}{begin}{}{end}{after}", table());
        std::fs::write(path, written).unwrap();
        return;
    }
    assert!(current == table(), "the table is outdated: update it with SLUICE_WRITE=1");
}
