//! Versions and receipts made by hand.

use sluice_types::Record;

use super::*;
use crate::verify::chain::Line;

const VERSION: &str = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";

const TERMS: Terms = Terms { young_from: 1000, strict: false, removed_ok: false };

fn receipt(state: State, key: &str) -> Receipt {
    let text = format!(
        r#"{{"state":"hashed","bucket":"raw","key":"{key}","version_id":"{VERSION}","etag":"e","size":3,"sha256":"00","recorded_at":"1970-01-01T00:00:01Z"}}"#
    );
    let receipt: Receipt = serde_json::from_str(&text).unwrap();
    Receipt { state, ..receipt }
}

fn kept<'a>(chain: &'a Chain, receipts: &[Receipt]) -> Evidence<'a> {
    let mut evidence = Evidence::new(chain, true);
    let kept = |receipt: &Receipt| Kept { receipt: receipt.clone(), sha256: "11".into(), sequence: None, sound: true };
    evidence.kept = receipts.iter().map(|r| (r.record_key(), kept(r))).collect();
    evidence
}

fn listed(key: &str) -> store::Version {
    store::Version {
        key: key.into(),
        version_id: VERSION.into(),
        size: 3,
        etag: Some("e".into()),
        modified: 0,
        latest: true,
        marker: false,
    }
}

fn finish<'a>(versions: &mut Versions<'a>, moved: &[&'a str]) {
    let wanted = |r: &Receipt| r.key != "elsewhere";
    let (missing, gone) = (versions.missing(wanted), versions.gone(wanted));
    let created = missing.iter().chain(&gone);
    let known = Matches {
        moved: moved.iter().copied().collect(),
        trail: created.map(|(key, _)| (*key, Answer::Created)).collect(),
    };
    versions.finish(&missing, &gone, &known);
}

fn kinds(versions: &Versions<'_>) -> Vec<Kind> {
    versions.findings.iter().map(|f| f.kind).collect()
}

#[test]
fn a_version_is_what_its_receipt_says() {
    let chain = Chain::default();
    let kept = kept(&chain, &[receipt(State::Hashed, "a"), receipt(State::Gone, "gone")]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &listed("a"));
    assert_eq!((versions.work.len(), versions.work[0].sha256.as_str()), (1, "00"));
    for other in [store::Version { size: 4, ..listed("a") }, store::Version { etag: Some("f".into()), ..listed("a") }] {
        versions.add("raw", &other);
    }
    versions.add("raw", &listed("gone"));
    finish(&mut versions, &[]);
    assert_eq!(kinds(&versions), [Kind::VersionChanged, Kind::VersionChanged, Kind::VersionUnrecorded]);
    assert_eq!(versions.work.len(), 1);
}

#[test]
fn a_version_without_a_receipt_is_young_deferred_or_wrong() {
    let chain = Chain::default();
    let kept = kept(&chain, &[receipt(State::Deferred, "long")]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &store::Version { modified: 1001, ..listed("young") });
    versions.add("raw", &listed("long"));
    assert_eq!((versions.counts.young, versions.counts.deferred, kinds(&versions).len()), (1, 1, 0));
    versions.add("raw", &listed("old"));
    assert_eq!(kinds(&versions), [Kind::VersionUnrecorded]);
    let mut versions = Versions::new(&chain, &kept, Terms { strict: true, ..TERMS });
    versions.add("raw", &listed("long"));
    assert_eq!(kinds(&versions), [Kind::Deferred]);
}

#[test]
fn a_receipt_without_a_version() {
    let chain = Chain::default();
    let kept =
        kept(&chain, &[receipt(State::Hashed, "a"), receipt(State::Hashed, "elsewhere"), receipt(State::Gone, "b")]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    finish(&mut versions, &[]);
    assert_eq!(kinds(&versions), [Kind::VersionMissing]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    let moved = format!("provenance/raw/a/{VERSION}.json");
    finish(&mut versions, &[&moved]);
    assert_eq!((kinds(&versions).len(), versions.counts.moved), (0, 1));
    let mut versions = Versions::new(&chain, &kept, Terms { removed_ok: true, ..TERMS });
    finish(&mut versions, &[]);
    assert_eq!((kinds(&versions).len(), versions.counts.removed), (0, 1));
}

#[test]
fn a_version_recorded_without_its_hash_stays_and_stays_the_same() {
    let chain = Chain::default();
    let gone = kept(&chain, &[receipt(State::Deferred, "a"), receipt(State::Gone, "a"), receipt(State::Deferred, "b")]);
    let mut versions = Versions::new(&chain, &gone, TERMS);
    finish(&mut versions, &[]);
    assert_eq!(kinds(&versions), [Kind::VersionMissing; 2]);
    let both = kept(&chain, &[receipt(State::Deferred, "a"), receipt(State::Hashed, "a")]);
    let mut versions = Versions::new(&chain, &both, TERMS);
    versions.add("raw", &listed("a"));
    finish(&mut versions, &[]);
    assert_eq!((kinds(&versions).len(), versions.work.len()), (0, 1));
    let one = kept(&chain, &[receipt(State::Deferred, "a")]);
    let mut versions = Versions::new(&chain, &one, TERMS);
    let other = store::Version { etag: Some("f".into()), ..listed("a") };
    versions.add("raw", &other);
    finish(&mut versions, &[]);
    assert_eq!(kinds(&versions), [Kind::VersionChanged]);
}

#[test]
fn a_receipt_that_is_not_sound_proves_nothing() {
    let chain = Chain::default();
    let mut kept = kept(&chain, &[receipt(State::Hashed, "a")]);
    kept.kept.values_mut().for_each(|k| k.sound = false);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &listed("a"));
    finish(&mut versions, &[]);
    assert!(versions.work.is_empty() && versions.findings.is_empty());
}

#[test]
fn a_version_whose_receipt_was_taken_away_is_not_told_twice() {
    let mut chain = Chain::default();
    chain.lines.push(Line {
        name: receipt(State::Hashed, "a").record_key(),
        present: true,
        sha256: "11".into(),
        sequence: 1,
    });
    let none = kept(&chain, &[]);
    let mut versions = Versions::new(&chain, &none, TERMS);
    versions.add("raw", &listed("a"));
    assert!(versions.findings.is_empty());
    chain.lines[0].present = false;
    let kept = kept(&chain, &[]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &listed("a"));
    assert_eq!(kinds(&versions), [Kind::VersionUnrecorded], "its writer was cut off");
}

/// What the counts of a listing add up to.
fn sum(counts: &Counts) -> u64 {
    let Counts { recorded, young, unrecorded, deferred, unreadable, unchecked, .. } = counts;
    recorded + young + unrecorded + deferred + unreadable + unchecked
}

/// One of every oddity: each is counted once, and what cannot be read is not called missing.
#[test]
fn the_counts_add_up() {
    let mut chain = Chain::default();
    chain.lines.push(Line {
        name: receipt(State::Hashed, "taken").record_key(),
        present: true,
        sha256: "11".into(),
        sequence: 1,
    });
    let mut kept = kept(
        &chain,
        &[
            receipt(State::Hashed, "a"),
            receipt(State::Gone, "gone"),
            receipt(State::Deferred, "long"),
            receipt(State::Unreadable, "cold"),
            receipt(State::Unreadable, "lost"),
        ],
    );
    kept.unread(receipt(State::Hashed, "dark").record_key());
    kept.unread(receipt(State::Deferred, "dim").record_key());
    let mut versions = Versions::new(&chain, &kept, TERMS);
    for key in ["a", "gone", "long", "cold", "dark", "dim", "taken", "none"] {
        versions.add("raw", &listed(key));
    }
    let young = store::Version { modified: 1001, ..listed("young") };
    versions.add("raw", &young);
    finish(&mut versions, &[]);
    let counts = versions.counts;
    assert_eq!((counts.versions, sum(&counts)), (9, 9), "{counts:?}");
    assert_eq!((counts.unchecked, counts.unreadable), (3, 1));
    assert_eq!(versions.unreadable.len(), 1);
    let mut found = kinds(&versions);
    found.sort_unstable();
    let expected = [Kind::VersionMissing, Kind::VersionUnrecorded, Kind::VersionUnrecorded];
    assert_eq!(found, expected, "lost; gone and none");
}

/// A receipt that nothing bears out is forged if the trail was looking, and open if it was not.
#[test]
fn a_receipt_without_a_version_is_held_against_the_trail() {
    let chain = Chain::default();
    let kept = kept(&chain, &[receipt(State::Hashed, "a"), receipt(State::Gone, "b")]);
    for (answer, expected, counted) in [
        (Some(Answer::Created), &[Kind::VersionMissing][..], (1, 0)),
        (Some(Answer::NotCreated), &[Kind::ReceiptUnproven; 2], (0, 0)),
        (Some(Answer::Uncovered("no logs".into())), &[Kind::VersionMissing], (0, 1)),
        (None, &[Kind::VersionMissing], (0, 1)),
    ] {
        let mut versions = Versions::new(&chain, &kept, TERMS);
        let (missing, gone) = (versions.missing(|_| true), versions.gone(|_| true));
        let keys = missing.iter().chain(&gone).map(|(key, _)| *key);
        let known = Matches { trail: keys.filter_map(|k| Some((k, answer.clone()?))).collect(), ..Matches::default() };
        versions.finish(&missing, &gone, &known);
        let counts = (versions.counts.gone, versions.counts.gone_unproven);
        assert_eq!((kinds(&versions).as_slice(), counts), (expected, counted), "{answer:?}");
        assert_eq!(versions.unproven.len() as u64, counted.1);
    }
}
