//! Versions and receipts made by hand.

use super::*;
use crate::verify::chain::Line;

const TERMS: Terms = Terms {
    young_from: 1000,
    strict: false,
    removed_ok: false,
};

fn receipt(state: State, key: &str) -> Receipt {
    let text = format!(
        r#"{{"state":"hashed","bucket":"raw","key":"{key}","version_id":"v","etag":"e","size":3,"sha256":"00","recorded_at":"1970-01-01T00:00:01Z"}}"#
    );
    let receipt: Receipt = serde_json::from_str(&text).unwrap();
    Receipt { state, ..receipt }
}

fn kept(receipts: &[Receipt]) -> HashMap<String, Kept> {
    let kept = |receipt: &Receipt| Kept {
        receipt: receipt.clone(),
        sha256: "11".into(),
        sequence: None,
        sound: true,
    };
    receipts.iter().map(|r| (r.key(), kept(r))).collect()
}

fn listed(key: &str) -> store::Version {
    store::Version {
        key: key.into(),
        version_id: "v".into(),
        size: 3,
        etag: Some("e".into()),
        modified: 0,
        latest: true,
        marker: false,
    }
}

fn finish(versions: &mut Versions<'_>, moved: &[&str]) {
    let missing = versions.missing(|r| r.key != "elsewhere");
    versions.finish(&missing, &moved.iter().copied().collect());
}

fn kinds(versions: &Versions<'_>) -> Vec<Kind> {
    versions.findings.iter().map(|f| f.kind).collect()
}

#[test]
fn a_version_is_what_its_receipt_says() {
    let chain = Chain::default();
    let kept = kept(&[receipt(State::Hashed, "a"), receipt(State::Gone, "gone")]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &listed("a"));
    assert_eq!(
        (versions.work.len(), versions.work[0].sha256.as_str()),
        (1, "00")
    );
    for other in [
        store::Version {
            size: 4,
            ..listed("a")
        },
        store::Version {
            etag: Some("f".into()),
            ..listed("a")
        },
    ] {
        versions.add("raw", &other);
    }
    versions.add("raw", &listed("gone"));
    finish(&mut versions, &[]);
    assert_eq!(
        kinds(&versions),
        [
            Kind::VersionChanged,
            Kind::VersionChanged,
            Kind::VersionUnrecorded
        ]
    );
    assert_eq!(versions.work.len(), 1);
}

#[test]
fn a_version_without_a_receipt_is_young_deferred_or_wrong() {
    let chain = Chain::default();
    let kept = kept(&[receipt(State::Deferred, "long")]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add(
        "raw",
        &store::Version {
            modified: 1001,
            ..listed("young")
        },
    );
    versions.add("raw", &listed("long"));
    assert_eq!(
        (
            versions.counts.young,
            versions.counts.deferred,
            kinds(&versions).len()
        ),
        (1, 1, 0)
    );
    versions.add("raw", &listed("old"));
    assert_eq!(kinds(&versions), [Kind::VersionUnrecorded]);
    let mut versions = Versions::new(
        &chain,
        &kept,
        Terms {
            strict: true,
            ..TERMS
        },
    );
    versions.add("raw", &listed("long"));
    assert_eq!(kinds(&versions), [Kind::Deferred]);
}

#[test]
fn a_receipt_without_a_version() {
    let chain = Chain::default();
    let kept = kept(&[
        receipt(State::Hashed, "a"),
        receipt(State::Hashed, "elsewhere"),
        receipt(State::Gone, "b"),
    ]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    finish(&mut versions, &[]);
    assert_eq!(kinds(&versions), [Kind::VersionMissing]);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    finish(&mut versions, &["provenance/raw/a/v.json"]);
    assert_eq!((kinds(&versions).len(), versions.counts.moved), (0, 1));
    let mut versions = Versions::new(
        &chain,
        &kept,
        Terms {
            removed_ok: true,
            ..TERMS
        },
    );
    finish(&mut versions, &[]);
    assert_eq!((kinds(&versions).len(), versions.counts.removed), (0, 1));
}

#[test]
fn a_version_recorded_without_its_hash_stays_and_stays_the_same() {
    let chain = Chain::default();
    let gone = kept(&[
        receipt(State::Deferred, "a"),
        receipt(State::Gone, "a"),
        receipt(State::Deferred, "b"),
    ]);
    let mut versions = Versions::new(&chain, &gone, TERMS);
    finish(&mut versions, &[]);
    assert_eq!(kinds(&versions), [Kind::VersionMissing; 2]);
    let both = kept(&[receipt(State::Deferred, "a"), receipt(State::Hashed, "a")]);
    let mut versions = Versions::new(&chain, &both, TERMS);
    versions.add("raw", &listed("a"));
    finish(&mut versions, &[]);
    assert_eq!((kinds(&versions).len(), versions.work.len()), (0, 1));
    let one = kept(&[receipt(State::Deferred, "a")]);
    let mut versions = Versions::new(&chain, &one, TERMS);
    let other = store::Version {
        etag: Some("f".into()),
        ..listed("a")
    };
    versions.add("raw", &other);
    finish(&mut versions, &[]);
    assert_eq!(kinds(&versions), [Kind::VersionChanged]);
}

#[test]
fn a_receipt_that_is_not_sound_proves_nothing() {
    let chain = Chain::default();
    let mut kept = kept(&[receipt(State::Hashed, "a")]);
    kept.values_mut().for_each(|k| k.sound = false);
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &listed("a"));
    finish(&mut versions, &[]);
    assert!(versions.work.is_empty() && versions.findings.is_empty());
}

#[test]
fn a_version_whose_receipt_was_taken_away_is_not_told_twice() {
    let (mut chain, kept) = (Chain::default(), HashMap::new());
    chain.lines.push(Line {
        name: receipt(State::Hashed, "a").key(),
        present: true,
        sha256: "11".into(),
        sequence: 1,
    });
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &listed("a"));
    assert!(versions.findings.is_empty());
    chain.lines[0].present = false;
    let mut versions = Versions::new(&chain, &kept, TERMS);
    versions.add("raw", &listed("a"));
    assert_eq!(
        kinds(&versions),
        [Kind::VersionUnrecorded],
        "its writer was cut off"
    );
}
