//! Every way to tamper that we know, each done to a whole deployment in memory: what finds it online and offline, or
//! why nothing does. `docs/provenance.md` has the same list as a table.

mod cases;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use lambda_support::names::sha256;
use lambda_support::time::Moment;
use provenance::operator::{Action, OperatorRecord};
use provenance::receipt::{Receipt, State};

use super::chain::Chain;
use super::finding::Finding;
use super::key::PublicKeys;
use super::tree::{HOUR, Tree, operation, receipt};
use super::versions::{Bytes, Matches, Terms, Versions, compared};
use crate::store;
use crate::trail::{Creation, Creations, Question};
use world::World;

/// Kinds of findings, each with a part of the key that it names.
type Expected = &'static [(&'static str, &'static str)];

/// One way to tamper.
struct Case {
    /// With what.
    target: &'static str,
    /// Alter, remove, add, replay, reorder or truncate.
    how: &'static str,
    /// In words.
    what: &'static str,
    /// Does it.
    apply: fn(&mut World),
    /// What a verification of the buckets finds.
    online: Expected,
    /// What a verification of a copy finds.
    offline: Expected,
    /// Why nothing is found, or not everything.
    note: &'static str,
}

const TARGETS: [&str; 6] = ["object", "receipt", "journal entry", "manifest", "pin", "operator record"];
const WAYS: [&str; 6] = ["alter", "remove", "add", "replay", "reorder", "truncate"];

fn fits(found: &[(String, String)], expected: Expected) -> bool {
    let one = |(kind, names): &(&str, &str)| found.iter().any(|(k, evidence)| k == kind && evidence.contains(names));
    let named =
        |(kind, evidence): &(String, String)| expected.iter().any(|(k, names)| k == kind && evidence.contains(names));
    found.len() == expected.len() && expected.iter().all(one) && found.iter().all(named)
}

#[test]
fn what_nobody_touched_is_right() {
    let mut world = World::new();
    let keys = world.tree.signer.keys();
    for _ in 0..2 {
        assert_eq!((world.online(&keys), world.offline(&keys)), (Vec::new(), Vec::new()));
        world.pins.push(world.tree.head());
        world.seal();
    }
}

#[test]
fn every_way_to_tamper_is_found_exactly() {
    let mut wrong = Vec::new();
    for case in cases::ALL {
        let mut world = World::new();
        let keys = world.tree.signer.keys();
        (case.apply)(&mut world);
        for (found, expected, place) in
            [(world.online(&keys), case.online, "online"), (world.offline(&keys), case.offline, "offline")]
        {
            if !fits(&found, expected) {
                let Case { target, what, .. } = case;
                wrong.push(format!("{target}: {what}, {place}: {found:?} and not {expected:?}"));
            }
        }
        let silent = case.online.is_empty() || case.offline.is_empty();
        assert_eq!(silent, !case.note.is_empty(), "{}: a reason where nothing is found", case.what);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pair_has_its_case() {
    for target in TARGETS {
        for how in WAYS {
            let mut cases = cases::ALL.iter();
            assert!(cases.any(|c| c.target == target && c.how == how), "{how} {target}");
        }
    }
    assert!(cases::ALL.len() >= 60, "{}", cases::ALL.len());
}

/// What is said of every case: no signature and no digest of one is in it.
#[test]
fn text_of_every_finding() {
    let mut text = String::new();
    for case in cases::ALL {
        let mut world = World::new();
        let keys = world.tree.signer.keys();
        (case.apply)(&mut world);
        text.push_str(&format!("{}: {}\n", case.target, case.what));
        for finding in world.findings(&keys) {
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

/// To write it anew: `SLUICE_WRITE=1 cargo test -p sluice the_page_has_the_table`.
#[test]
fn the_page_has_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/provenance.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- tamper table -->\n", "<!-- end of the tamper table -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (there, after) = rest.split_once(end).unwrap();
    if std::env::var_os("SLUICE_WRITE").is_some() {
        let written = format!("{before}{begin}{}{end}{after}", table());
        std::fs::write(path, written).unwrap();
        return;
    }
    assert!(there == table(), "the table is not that of the cases: write it with SLUICE_WRITE=1");
}
