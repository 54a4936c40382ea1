//! Hand-made comparison and receipts.

use ingest::quarantine::{copy_key, reason_key};
use sluice_types::operator_record::operator_record_key;
use sluice_types::{ObjectAttributes, OperatorAction};

use super::*;
use crate::aws::s3_listing::testing;
use crate::commands::verify::chain::ListedRecord;
use crate::commands::verify::evidence::FoundRecord;

const VERSION: &str = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";

const POLICY: ComparisonPolicy = ComparisonPolicy { young_from: 1000, strict: false, removed_ok: false };

fn receipt(state: ReceiptState, key: &str) -> Receipt {
    let text = format!(
        r#"{{"state":"hashed","bucket":"raw","key":"{key}","version_id":"{VERSION}","etag":"e","size":3,"sha256":"00","recorded_at":"1970-01-01T00:00:01Z"}}"#
    );
    let receipt: Receipt = serde_json::from_str(&text).unwrap();
    Receipt { state, ..receipt }
}

fn evidence<'a>(chain: &'a Chain, receipts: &[Receipt]) -> Evidence<'a> {
    let mut evidence = Evidence::new(chain, true);
    let checked = |receipt: &Receipt| CheckedReceipt {
        receipt: receipt.clone(),
        sha256: "11".into(),
        sequence: None,
        is_sound: true,
    };
    evidence.receipts = receipts.iter().map(|r| (r.record_key(), checked(r))).collect();
    evidence
}

fn listed(key: &str) -> ListedVersion {
    testing::listed(key, VERSION)
}

fn with_size(listed: ListedVersion, size: u64) -> ListedVersion {
    ListedVersion { attributes: ObjectAttributes { size, ..listed.attributes }, ..listed }
}

fn with_etag(listed: ListedVersion, etag: &str) -> ListedVersion {
    ListedVersion { attributes: ObjectAttributes { etag: Some(etag.into()), ..listed.attributes }, ..listed }
}

fn created_at(listed: ListedVersion, seconds: u64) -> ListedVersion {
    let last_modified = Some(Timestamp::from_millis(seconds * 1000));
    ListedVersion { attributes: ObjectAttributes { last_modified, ..listed.attributes }, ..listed }
}

fn finish<'a>(comparison: &mut VersionComparison<'a>, moved: &[&'a str]) {
    let is_in_scope = |r: &Receipt| r.key != "elsewhere";
    let (missing, gone) = (comparison.missing(is_in_scope), comparison.gone(is_in_scope));
    let receipts = missing.iter().chain(&gone);
    let corroboration = Corroboration {
        moved: moved.iter().copied().collect(),
        trail: receipts.map(|(key, _)| (*key, CreationStatus::Created)).collect(),
    };
    comparison.finish(&missing, &gone, &corroboration);
}

fn kinds(comparison: &VersionComparison<'_>) -> Vec<FindingKind> {
    comparison.findings.iter().map(|f| f.kind).collect()
}

#[test]
fn a_version_must_equal_its_receipt() {
    let chain = Chain::default();
    let evidence = evidence(&chain, &[receipt(ReceiptState::Hashed, "a"), receipt(ReceiptState::Gone, "gone")]);
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    comparison.add(&listed("a"));
    assert_eq!((comparison.pending_reads.len(), comparison.pending_reads[0].sha256.as_str()), (1, "00"));
    for other in [with_size(listed("a"), 4), with_etag(listed("a"), "f")] {
        comparison.add(&other);
    }
    comparison.add(&listed("gone"));
    finish(&mut comparison, &[]);
    assert_eq!(
        kinds(&comparison),
        [FindingKind::VersionChanged, FindingKind::VersionChanged, FindingKind::VersionUnrecorded]
    );
    assert_eq!(comparison.pending_reads.len(), 1);
}

#[test]
fn a_version_without_a_receipt_is_young_deferred_or_a_finding() {
    let chain = Chain::default();
    let evidence = evidence(&chain, &[receipt(ReceiptState::Deferred, "long")]);
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    comparison.add(&created_at(listed("young"), 1001));
    comparison.add(&listed("long"));
    assert_eq!((comparison.counts.young, comparison.counts.deferred, kinds(&comparison).len()), (1, 1, 0));
    comparison.add(&listed("old"));
    assert_eq!(kinds(&comparison), [FindingKind::VersionUnrecorded]);
    let mut comparison = VersionComparison::new(&chain, &evidence, ComparisonPolicy { strict: true, ..POLICY });
    comparison.add(&listed("long"));
    assert_eq!(kinds(&comparison), [FindingKind::Deferred]);
}

#[test]
fn a_missing_version_is_a_finding_unless_it_was_moved_or_accepted() {
    let chain = Chain::default();
    let evidence = evidence(
        &chain,
        &[
            receipt(ReceiptState::Hashed, "a"),
            receipt(ReceiptState::Hashed, "elsewhere"),
            receipt(ReceiptState::Gone, "b"),
        ],
    );
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    finish(&mut comparison, &[]);
    assert_eq!(kinds(&comparison), [FindingKind::VersionMissing]);
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    let moved = format!("provenance/raw/a/{VERSION}.json");
    finish(&mut comparison, &[&moved]);
    assert_eq!((kinds(&comparison).len(), comparison.counts.moved), (0, 1));
    let mut comparison = VersionComparison::new(&chain, &evidence, ComparisonPolicy { removed_ok: true, ..POLICY });
    finish(&mut comparison, &[]);
    assert_eq!((kinds(&comparison).len(), comparison.counts.removed), (0, 1));
}

#[test]
fn a_version_recorded_without_a_hash_must_exist_unchanged() {
    let chain = Chain::default();
    let gone = evidence(
        &chain,
        &[receipt(ReceiptState::Deferred, "a"), receipt(ReceiptState::Gone, "a"), receipt(ReceiptState::Deferred, "b")],
    );
    let mut comparison = VersionComparison::new(&chain, &gone, POLICY);
    finish(&mut comparison, &[]);
    assert_eq!(kinds(&comparison), [FindingKind::VersionMissing; 2]);
    let both = evidence(&chain, &[receipt(ReceiptState::Deferred, "a"), receipt(ReceiptState::Hashed, "a")]);
    let mut comparison = VersionComparison::new(&chain, &both, POLICY);
    comparison.add(&listed("a"));
    finish(&mut comparison, &[]);
    assert_eq!((kinds(&comparison).len(), comparison.pending_reads.len()), (0, 1));
    let one = evidence(&chain, &[receipt(ReceiptState::Deferred, "a")]);
    let mut comparison = VersionComparison::new(&chain, &one, POLICY);
    let other = with_etag(listed("a"), "f");
    comparison.add(&other);
    finish(&mut comparison, &[]);
    assert_eq!(kinds(&comparison), [FindingKind::VersionChanged]);
}

#[test]
fn a_receipt_that_is_not_sound_is_not_compared() {
    let chain = Chain::default();
    let mut evidence = evidence(&chain, &[receipt(ReceiptState::Hashed, "a")]);
    evidence.receipts.values_mut().for_each(|c| c.is_sound = false);
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    comparison.add(&listed("a"));
    finish(&mut comparison, &[]);
    assert!(comparison.pending_reads.is_empty() && comparison.findings.is_empty());
}

#[test]
fn a_version_whose_receipt_is_missing_has_no_second_finding() {
    let mut chain = Chain::default();
    chain.records.push(ListedRecord {
        name: receipt(ReceiptState::Hashed, "a").record_key(),
        is_present: true,
        sha256: "11".into(),
        sequence: 1,
    });
    let none = evidence(&chain, &[]);
    let mut comparison = VersionComparison::new(&chain, &none, POLICY);
    comparison.add(&listed("a"));
    assert!(comparison.findings.is_empty());
    chain.records[0].is_present = false;
    let evidence = evidence(&chain, &[]);
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    comparison.add(&listed("a"));
    assert_eq!(kinds(&comparison), [FindingKind::VersionUnrecorded], "its writer was interrupted");
}

/// The sum of the counts of listed comparison.
fn sum(counts: &VersionCounts) -> u64 {
    let VersionCounts { recorded, young, unrecorded, deferred, unreadable, unchecked, .. } = counts;
    recorded + young + unrecorded + deferred + unreadable + unchecked
}

/// Each version is counted once, and a record that cannot be read is not missing.
#[test]
fn the_counts_add_up() {
    let mut chain = Chain::default();
    chain.records.push(ListedRecord {
        name: receipt(ReceiptState::Hashed, "taken").record_key(),
        is_present: true,
        sha256: "11".into(),
        sequence: 1,
    });
    let mut evidence = evidence(
        &chain,
        &[
            receipt(ReceiptState::Hashed, "a"),
            receipt(ReceiptState::Gone, "gone"),
            receipt(ReceiptState::Deferred, "long"),
            receipt(ReceiptState::Unreadable, "archived"),
            receipt(ReceiptState::Unreadable, "lost"),
        ],
    );
    evidence.add_unread(receipt(ReceiptState::Hashed, "unread").record_key());
    evidence.add_unread(receipt(ReceiptState::Deferred, "unread-deferred").record_key());
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    for key in ["a", "gone", "long", "archived", "unread", "unread-deferred", "taken", "none"] {
        comparison.add(&listed(key));
    }
    let young = created_at(listed("young"), 1001);
    comparison.add(&young);
    finish(&mut comparison, &[]);
    let counts = comparison.counts;
    assert_eq!((counts.versions, sum(&counts)), (9, 9), "{counts:?}");
    assert_eq!((counts.unchecked, counts.unreadable), (3, 1));
    assert_eq!(comparison.unreadable.len(), 1);
    let mut found = kinds(&comparison);
    found.sort_unstable();
    let expected = [FindingKind::VersionMissing, FindingKind::VersionUnrecorded, FindingKind::VersionUnrecorded];
    assert_eq!(found, expected, "`lost`; `gone` and `none`");
}

/// Without an event, a receipt is forged if the trail covers its time, and unproven otherwise.
#[test]
fn a_receipt_without_a_version_is_compared_with_the_trail() {
    let chain = Chain::default();
    let evidence = evidence(&chain, &[receipt(ReceiptState::Hashed, "a"), receipt(ReceiptState::Gone, "b")]);
    for (creation, expected, counted) in [
        (Some(CreationStatus::Created), &[FindingKind::VersionMissing][..], (1, 0)),
        (Some(CreationStatus::NotCreated), &[FindingKind::ReceiptUnproven; 2], (0, 0)),
        (Some(CreationStatus::Uncovered("no log files".into())), &[FindingKind::VersionMissing], (0, 1)),
        (None, &[FindingKind::VersionMissing], (0, 1)),
    ] {
        let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
        let (missing, gone) = (comparison.missing(|_| true), comparison.gone(|_| true));
        let keys = missing.iter().chain(&gone).map(|(key, _)| *key);
        let corroboration = Corroboration {
            trail: keys.filter_map(|k| Some((k, creation.clone()?))).collect(),
            ..Corroboration::default()
        };
        comparison.finish(&missing, &gone, &corroboration);
        let counts = (comparison.counts.gone, comparison.counts.gone_unproven);
        assert_eq!((kinds(&comparison).as_slice(), counts), (expected, counted), "{creation:?}");
        assert_eq!(comparison.unproven.len() as u64, counted.1);
    }
}

#[test]
fn what_an_operator_removed_is_not_missing_in_a_watched_quarantine_either() {
    let chain = Chain::default();
    let ingest = crate::outputs::tests::ingest();
    let source =
        ObjectVersion { bucket: ingest.processing_bucket.clone(), key: "in/a.json".into(), version_id: VERSION.into() };
    let in_quarantine =
        |key: String| Receipt { bucket: ingest.quarantine_bucket.clone(), ..receipt(ReceiptState::Hashed, &key) };
    let (copy, reason) = (in_quarantine(copy_key(&source)), in_quarantine(reason_key(&source)));
    let other = in_quarantine(format!("in/b.json/{VERSION}"));
    let mut evidence = evidence(&chain, &[copy, reason, other]);
    let record = format!(
        r#"{{"action":"remove","bucket":"{}","key":"in/a.json","version_id":"{VERSION}","sha256":"00","caller":"arn:aws:iam::111122223333:user/pat","recorded_at":"1970-01-01T00:00:02Z"}}"#,
        ingest.processing_bucket
    );
    let key = operator_record_key(&source, OperatorAction::Remove);
    evidence.add(FoundRecord::parse(key, record.as_bytes()), Timestamp::from_millis(3000));
    assert_eq!(evidence.findings.len(), 0, "{record}");
    let mut comparison = VersionComparison::new(&chain, &evidence, POLICY);
    let mut missing = comparison.missing(|_| true);
    comparison.take_operated(&mut missing, &evidence, Some(&ingest));
    assert_eq!((missing.len(), comparison.counts.operated), (1, 2));
}
