//! Verification of hand-made evidence and of changes to it.

use proptest::prelude::*;
use sluice_types::digest::sha256;
use sluice_types::manifest::{self, Predicate, ResourceDescriptor, Statement};
use sluice_types::{Record as _, Timestamp};

use super::chain::{Chain, Pin};
use super::evidence::{Evidence, FoundRecord};
use super::evidence_fixture::{EvidenceFixture, HOUR, Signer, listed, receipt, receipt_key};
use super::finding::FindingKind;

#[test]
fn unchanged_evidence_has_no_findings() {
    let fixture = EvidenceFixture::filled();
    assert_eq!(fixture.verify(), []);
    assert_eq!(
        fixture.verify_with(&fixture.signer.keys(), &[fixture.head()], Some(Timestamp::from_millis(6 * HOUR))),
        []
    );
    assert_eq!(fixture.head().sequence, 4);
}

#[test]
fn replaced_removed_and_forged_receipts_are_found() {
    let mut fixture = EvidenceFixture::filled();
    fixture.files.insert(receipt_key("1a"), receipt("1a", HOUR + 60_001).bytes());
    fixture.files.remove(&receipt_key("1b"));
    let forged_key = fixture.put(&receipt("new", HOUR + 5));
    let junk = "provenance/raw/junk.json".to_owned();
    fixture.files.insert(junk.clone(), b"{".to_vec());
    assert_eq!(
        fixture.verify(),
        [
            (FindingKind::ReceiptChanged, receipt_key("1a")),
            (FindingKind::ReceiptMissing, receipt_key("1b")),
            (FindingKind::ReceiptUnlisted, forged_key),
            (FindingKind::ReceiptUnlisted, junk),
        ]
    );
}

#[test]
fn a_receipt_after_the_last_manifest_is_pending_unless_it_is_in_the_future() {
    let mut fixture = EvidenceFixture::filled();
    fixture.put(&receipt("young", 4 * HOUR + 1));
    assert_eq!(fixture.verify(), []);
    fixture.put(&receipt("young", 4 * HOUR));
    assert_eq!(fixture.verify(), [(FindingKind::ReceiptUnlisted, receipt_key("young"))], "back-dated");
    fixture.put(&receipt("young", 2000 * HOUR));
    assert_eq!(fixture.verify(), [(FindingKind::ReceiptUnlisted, receipt_key("young"))], "in the future");
}

#[test]
fn a_listed_receipt_under_another_key_is_misplaced() {
    let mut fixture = EvidenceFixture::filled();
    let honest = receipt("x", 4 * HOUR + 1);
    let key = receipt_key("y");
    fixture.files.insert(key.clone(), honest.bytes());
    fixture.add_manifest(vec![ResourceDescriptor::new(&key, sha256(&honest.bytes()))], Vec::new());
    assert_eq!(fixture.verify(), [(FindingKind::ReceiptMisplaced, key)]);
    let mut fixture = EvidenceFixture::filled();
    let early = receipt("early", 5);
    fixture.put(&early);
    fixture.add_manifest(vec![listed(&early)], Vec::new());
    assert_eq!(fixture.verify(), [(FindingKind::ReceiptMisplaced, receipt_key("early"))], "listed in a later period");
}

#[test]
fn a_pending_receipt_under_another_key_is_misplaced() {
    let mut fixture = EvidenceFixture::filled();
    let key = receipt_key("y");
    let bytes = receipt("x", 4 * HOUR + 1).bytes();
    fixture.files.insert(key.clone(), bytes);
    assert_eq!(fixture.verify(), [(FindingKind::ReceiptMisplaced, key)]);
}

#[test]
fn a_receipt_listed_by_two_manifests_is_found() {
    let mut fixture = EvidenceFixture::filled();
    fixture.add_manifest(vec![listed(&receipt("1a", HOUR + 60_000))], Vec::new());
    let twice = (FindingKind::ListedTwice, receipt_key("1a"));
    assert!(fixture.verify().contains(&twice));
}

#[test]
fn a_journal_entry_proves_only_a_later_record_with_its_digest() {
    let (late, other) = (receipt("late", 4 * HOUR + 1), receipt("late", 4 * HOUR + 2));
    let mut fixture = EvidenceFixture::filled();
    fixture.add_manifest(Vec::new(), vec![listed(&late)]);
    assert_eq!(fixture.verify(), [], "its writer was interrupted");
    fixture.put(&late);
    assert_eq!(fixture.verify(), []);
    fixture.put(&other);
    assert_eq!(fixture.verify(), [(FindingKind::ReceiptChanged, receipt_key("late"))]);
    let mut fixture = EvidenceFixture::filled();
    fixture.put(&late);
    fixture.add_manifest(vec![listed(&late)], vec![listed(&other)]);
    assert_eq!(fixture.verify(), [], "another writer was first");
    fixture.put(&other);
    assert_eq!(fixture.verify(), [(FindingKind::ReceiptChanged, receipt_key("late"))]);
}

#[test]
fn swapped_and_missing_manifests_are_found() {
    let mut fixture = EvidenceFixture::filled();
    let (two, three) = (manifest::key(2), manifest::key(3));
    let bytes = fixture.files[&two].clone();
    let other = fixture.files.insert(three.clone(), bytes).unwrap();
    fixture.files.insert(two.clone(), other);
    assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, two.clone()), (FindingKind::ManifestChain, three)]);
    let mut fixture = EvidenceFixture::filled();
    fixture.files.remove(&two);
    assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, two)]);
    let mut fixture = EvidenceFixture::filled();
    let one = manifest::key(1);
    fixture.files.remove(&one);
    assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, one)]);
}

#[test]
fn a_truncated_ledger_is_found_by_pin_or_age() {
    let mut fixture = EvidenceFixture::filled();
    let (pin, keys) = (fixture.head(), fixture.signer.keys());
    let last = manifest::key(4);
    fixture.files.remove(&last);
    assert_eq!(fixture.verify_with(&keys, &[pin], None), [(FindingKind::ManifestChain, last)]);
    let behind = fixture.verify_with(&keys, &[], Some(Timestamp::from_millis(6 * HOUR)));
    assert_eq!(behind, [(FindingKind::LedgerBehind, manifest::key(3))]);
    fixture.put(&receipt("newest", 6 * HOUR));
    assert_eq!(fixture.verify(), behind, "receipts are newer than the ledger");
    fixture.files.retain(|key, _| key.starts_with("provenance/"));
    assert_eq!(fixture.verify(), [(FindingKind::LedgerBehind, "ledger/".into())]);
}

#[test]
fn a_manifest_signed_with_another_key_is_found() {
    let mut fixture = EvidenceFixture::filled();
    let forger = Signer::new();
    let two = manifest::key(2);
    let honest = manifest::open(&fixture.files[&two]).unwrap();
    fixture.files.insert(two.clone(), forger.seal(&honest.statement));
    assert_eq!(fixture.verify(), [(FindingKind::ManifestSignature, two.clone())]);
    assert_eq!(fixture.verify_with(&forger.keys(), &[], Some(Timestamp::from_millis(4 * HOUR))).len(), 3);
}

/// Even with the key, a manifest cannot be replaced: the next manifest has its digest.
#[test]
fn a_manifest_that_is_signed_again_is_found() {
    let mut fixture = EvidenceFixture::filled();
    let two = manifest::key(2);
    let honest = manifest::open(&fixture.files[&two]).unwrap().statement;
    let pin = fixture.head();
    fixture.files.remove(&receipt_key("1a"));
    let rest = honest.records().filter(|l| l.name != receipt_key("1a"));
    let forged = Statement::new(rest.cloned().collect(), honest.predicate.clone());
    fixture.files.insert(two, fixture.signer.seal(&forged));
    assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, manifest::key(3))]);
    assert_eq!(fixture.head(), pin, "a pin of the head alone does not show it");
}

#[test]
fn discontinuous_periods_are_found() {
    for change in [
        |p: &mut Predicate| p.from = Some(Timestamp::from_millis(5 * HOUR - 1)),
        |p: &mut Predicate| p.to = Timestamp::from_millis(4 * HOUR),
        |p: &mut Predicate| p.sequence = 6,
    ] {
        let mut fixture = EvidenceFixture::filled();
        let odd = fixture.add_changed_manifest(Vec::new(), change);
        assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, odd)]);
    }
    let mut fixture = EvidenceFixture::new();
    let other = ResourceDescriptor::new(manifest::key(9), "00");
    let first = fixture.add_changed_manifest(Vec::new(), |p| p.previous = Some(other));
    assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, first)], "it is not the first manifest of a ledger");
}

#[test]
fn a_manifest_under_another_key_is_found() {
    let mut fixture = EvidenceFixture::filled();
    let copy = fixture.files[&manifest::key(2)].clone();
    fixture.files.insert(manifest::key(4), copy);
    assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, manifest::key(4))]);
    for number in ["000000000000", "1000000000000"] {
        let mut fixture = EvidenceFixture::filled();
        let odd = format!("ledger/{number}.json");
        fixture.files.insert(odd.clone(), Vec::new());
        assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, odd)]);
    }
    fixture.files.insert("ledger/notes.txt".into(), Vec::new());
    let notes = (FindingKind::ManifestChain, "ledger/notes.txt".to_owned());
    assert_eq!(fixture.verify(), [(FindingKind::ManifestChain, manifest::key(4)), notes]);
}

#[test]
fn a_printed_pin_is_parsed() {
    let pin = EvidenceFixture::filled().head();
    assert_eq!(pin.to_string().parse(), Ok(pin.clone()));
    for invalid in ["", "4", "4:abc", &format!("x:{}", pin.sha256)] {
        assert!(invalid.parse::<Pin>().is_err(), "{invalid}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn a_change_of_one_bit_is_found(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        thread_local!(static FIXTURE: EvidenceFixture = EvidenceFixture::filled());
        FIXTURE.with(|whole| -> Result<(), TestCaseError> {
            let mut files = whole.files.clone();
            let (key, bytes) = files.iter_mut().nth(file.index(whole.files.len())).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let key = key.clone();
            let changed = EvidenceFixture { signer: Signer::new(), files };
            let findings = changed.verify_with(&whole.signer.keys(), &[], None);
            prop_assert!(findings.iter().any(|(_, evidence)| *evidence == key), "{key} byte {at} bit {bit}: {findings:?}");
            Ok(())
        })?;
    }
}

/// A manifest that cannot be read is not missing, and the records that it lists have no findings.
#[test]
fn an_unreadable_manifest_has_no_findings() {
    let fixture = EvidenceFixture::filled();
    let mut manifests = fixture.manifests();
    manifests[1].1 = None;
    let chain = Chain::verify(manifests, &fixture.signer.keys(), &[fixture.head()]);
    assert!(chain.findings.is_empty(), "{:?}", chain.findings);
    let evidence = fixture.evidence(&chain, None);
    assert!(evidence.findings.is_empty(), "{:?}", evidence.findings);
    assert_eq!(evidence.counts.unproven, 2);
}

#[test]
fn an_unreadable_record_is_not_missing() {
    let mut fixture = EvidenceFixture::filled();
    fixture.files.remove(&receipt_key("1a"));
    let chain = Chain::verify(fixture.manifests(), &fixture.signer.keys(), &[]);
    let mut evidence = Evidence::new(&chain, true);
    let there = fixture.files.iter().filter(|(k, _)| k.starts_with("provenance/"));
    there.for_each(|(k, bytes)| evidence.add(FoundRecord::parse(k.clone(), bytes), Timestamp::UNIX_EPOCH));
    evidence.add_unread(receipt_key("1a"));
    evidence.finish(|_| true, None);
    assert!(evidence.findings.is_empty(), "{:?}", evidence.findings);
}

#[test]
fn untrusted_text_is_escaped() {
    let mut odd = receipt("a", 5 * HOUR);
    odd.bucket = "b\u{1b}[2K".into();
    odd.version_id = "v\n".into();
    let version = odd.version();
    let finding = super::finding::Finding::new(FindingKind::ReceiptMisplaced, "k\r", "it is `x\u{1b}`");
    for text in [finding.clone().text(), finding.about(version).text()] {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}
