//! Evidence made by hand with a key of our own, and everything that can be done to it.

use proptest::prelude::*;
use sluice_types::digest::sha256;
use sluice_types::manifest::{self, Predicate, ResourceDescriptor as Listed, Statement};
use sluice_types::{Record, Timestamp as Moment};

use super::chain::{Chain, Pin};
use super::evidence::{Evidence, Found};
use super::finding::Kind;
use super::tree::{HOUR, Signer, Tree, listed, of, receipt};

#[test]
fn what_was_not_touched_is_right() {
    let tree = Tree::filled();
    assert_eq!(tree.verify(), []);
    assert_eq!(tree.verify_with(&tree.signer.keys(), &[tree.head()], Some(Moment::from_millis(6 * HOUR))), []);
    assert_eq!(tree.head().sequence, 4);
}

#[test]
fn a_receipt_that_is_replaced_removed_or_invented() {
    let mut tree = Tree::filled();
    tree.files.insert(of("1a"), receipt("1a", HOUR + 60_001).bytes());
    tree.files.remove(&of("1b"));
    let invented = tree.put(&receipt("new", HOUR + 5));
    let junk = "provenance/raw/junk.json".to_owned();
    tree.files.insert(junk.clone(), b"{".to_vec());
    assert_eq!(
        tree.verify(),
        [
            (Kind::ReceiptChanged, of("1a")),
            (Kind::ReceiptMissing, of("1b")),
            (Kind::ReceiptUnlisted, invented),
            (Kind::ReceiptUnlisted, junk),
        ]
    );
}

#[test]
fn a_receipt_that_is_too_young_is_pending_and_one_of_the_future_is_not() {
    let mut tree = Tree::filled();
    tree.put(&receipt("young", 4 * HOUR + 1));
    assert_eq!(tree.verify(), []);
    tree.put(&receipt("young", 4 * HOUR));
    assert_eq!(tree.verify(), [(Kind::ReceiptUnlisted, of("young"))], "back-dated");
    tree.put(&receipt("young", 2000 * HOUR));
    assert_eq!(tree.verify(), [(Kind::ReceiptUnlisted, of("young"))], "of the future");
}

#[test]
fn a_receipt_in_the_place_of_another() {
    let mut tree = Tree::filled();
    let honest = receipt("x", 4 * HOUR + 1);
    let place = of("y");
    tree.files.insert(place.clone(), honest.bytes());
    tree.close(vec![Listed::new(&place, sha256(&honest.bytes()))], Vec::new());
    assert_eq!(tree.verify(), [(Kind::ReceiptMisplaced, place)]);
    let mut tree = Tree::filled();
    let early = receipt("early", 5);
    tree.put(&early);
    tree.close(vec![listed(&early)], Vec::new());
    assert_eq!(tree.verify(), [(Kind::ReceiptMisplaced, of("early"))], "listed later than it says");
}

#[test]
fn a_receipt_in_the_place_of_another_that_is_not_listed_yet() {
    let mut tree = Tree::filled();
    let place = of("y");
    let bytes = receipt("x", 4 * HOUR + 1).bytes();
    tree.files.insert(place.clone(), bytes);
    assert_eq!(tree.verify(), [(Kind::ReceiptMisplaced, place)]);
}

#[test]
fn a_receipt_that_is_listed_twice() {
    let mut tree = Tree::filled();
    tree.close(vec![listed(&receipt("1a", HOUR + 60_000))], Vec::new());
    let twice = (Kind::ListedTwice, of("1a"));
    assert!(tree.verify().contains(&twice));
}

#[test]
fn an_announcement_bears_out_what_comes_later_and_nothing_else() {
    let (late, other) = (receipt("late", 4 * HOUR + 1), receipt("late", 4 * HOUR + 2));
    let mut tree = Tree::filled();
    tree.close(Vec::new(), vec![listed(&late)]);
    assert_eq!(tree.verify(), [], "its writer was cut off");
    tree.put(&late);
    assert_eq!(tree.verify(), []);
    tree.put(&other);
    assert_eq!(tree.verify(), [(Kind::ReceiptChanged, of("late"))]);
    let mut tree = Tree::filled();
    tree.put(&late);
    tree.close(vec![listed(&late)], vec![listed(&other)]);
    assert_eq!(tree.verify(), [], "a second writer came too late");
    tree.put(&other);
    assert_eq!(tree.verify(), [(Kind::ReceiptChanged, of("late"))]);
}

#[test]
fn manifests_that_are_swapped_or_missing() {
    let mut tree = Tree::filled();
    let (two, three) = (manifest::key(2), manifest::key(3));
    let bytes = tree.files[&two].clone();
    let other = tree.files.insert(three.clone(), bytes).unwrap();
    tree.files.insert(two.clone(), other);
    assert_eq!(tree.verify(), [(Kind::ManifestChain, two.clone()), (Kind::ManifestChain, three)]);
    let mut tree = Tree::filled();
    tree.files.remove(&two);
    assert_eq!(tree.verify(), [(Kind::ManifestChain, two)]);
    let mut tree = Tree::filled();
    let one = manifest::key(1);
    tree.files.remove(&one);
    assert_eq!(tree.verify(), [(Kind::ManifestChain, one)]);
}

#[test]
fn a_ledger_that_is_cut_off() {
    let mut tree = Tree::filled();
    let (pin, keys) = (tree.head(), tree.signer.keys());
    let last = manifest::key(4);
    tree.files.remove(&last);
    assert_eq!(tree.verify_with(&keys, &[pin], None), [(Kind::ManifestChain, last)]);
    let behind = tree.verify_with(&keys, &[], Some(Moment::from_millis(6 * HOUR)));
    assert_eq!(behind, [(Kind::LedgerBehind, manifest::key(3))]);
    tree.put(&receipt("newest", 6 * HOUR));
    assert_eq!(tree.verify(), behind, "the receipts themselves are further on");
    tree.files.retain(|key, _| key.starts_with("provenance/"));
    assert_eq!(tree.verify(), [(Kind::LedgerBehind, "ledger/".into())]);
}

#[test]
fn a_manifest_of_another_key() {
    let mut tree = Tree::filled();
    let forger = Signer::new();
    let two = manifest::key(2);
    let honest = manifest::open(&tree.files[&two]).unwrap();
    tree.files.insert(two.clone(), forger.seal(&honest.statement));
    assert_eq!(tree.verify(), [(Kind::ManifestSignature, two.clone())]);
    assert_eq!(tree.verify_with(&forger.keys(), &[], Some(Moment::from_millis(4 * HOUR))).len(), 3);
}

/// Whoever may sign still cannot change what was written down: the manifest after names the first.
#[test]
fn a_manifest_that_is_signed_anew() {
    let mut tree = Tree::filled();
    let two = manifest::key(2);
    let honest = manifest::open(&tree.files[&two]).unwrap().statement;
    let pin = tree.head();
    tree.files.remove(&of("1a"));
    let rest = honest.records().filter(|l| l.name != of("1a"));
    let forged = Statement::new(rest.cloned().collect(), honest.predicate.clone());
    tree.files.insert(two, tree.signer.seal(&forged));
    assert_eq!(tree.verify(), [(Kind::ManifestChain, manifest::key(3))]);
    assert_eq!(tree.head(), pin, "which is why a pin of the head is not enough without the chain");
}

#[test]
fn periods_that_do_not_follow_each_other() {
    for change in [
        |p: &mut Predicate| p.from = Some(Moment::from_millis(5 * HOUR - 1)),
        |p: &mut Predicate| p.to = Moment::from_millis(4 * HOUR),
        |p: &mut Predicate| p.sequence = 6,
    ] {
        let mut tree = Tree::filled();
        let odd = tree.close_as(Vec::new(), change);
        assert_eq!(tree.verify(), [(Kind::ManifestChain, odd)]);
    }
    let mut tree = Tree::new();
    let other = Listed::new(manifest::key(9), "00");
    let first = tree.close_as(Vec::new(), |p| p.previous = Some(other));
    assert_eq!(tree.verify(), [(Kind::ManifestChain, first)], "the ledger did not begin with it");
}

#[test]
fn a_manifest_in_the_place_of_a_later_one() {
    let mut tree = Tree::filled();
    let copy = tree.files[&manifest::key(2)].clone();
    tree.files.insert(manifest::key(4), copy);
    assert_eq!(tree.verify(), [(Kind::ManifestChain, manifest::key(4))]);
    for number in ["000000000000", "1000000000000"] {
        let mut tree = Tree::filled();
        let odd = format!("ledger/{number}.json");
        tree.files.insert(odd.clone(), Vec::new());
        assert_eq!(tree.verify(), [(Kind::ManifestChain, odd)]);
    }
    tree.files.insert("ledger/notes.txt".into(), Vec::new());
    let notes = (Kind::ManifestChain, "ledger/notes.txt".to_owned());
    assert_eq!(tree.verify(), [(Kind::ManifestChain, manifest::key(4)), notes]);
}

#[test]
fn a_pin_is_read_as_it_is_told() {
    let pin = Tree::filled().head();
    assert_eq!(pin.to_string().parse(), Ok(pin.clone()));
    for bad in ["", "4", "4:abc", &format!("x:{}", pin.sha256)] {
        assert!(bad.parse::<Pin>().is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn one_bit_of_any_file_is_noticed(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        thread_local!(static TREE: Tree = Tree::filled());
        TREE.with(|whole| -> Result<(), TestCaseError> {
            let mut files = whole.files.clone();
            let (key, bytes) = files.iter_mut().nth(file.index(whole.files.len())).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let key = key.clone();
            let touched = Tree { signer: Signer::new(), files };
            let findings = touched.verify_with(&whole.signer.keys(), &[], None);
            prop_assert!(findings.iter().any(|(_, evidence)| *evidence == key), "{key} byte {at} bit {bit}: {findings:?}");
            Ok(())
        })?;
    }
}

/// A manifest that cannot be read is not missing, and what it lists is not held against it.
#[test]
fn a_manifest_that_cannot_be_read_hides_nothing_else() {
    let tree = Tree::filled();
    let mut manifests = tree.manifests();
    manifests[1].1 = None;
    let chain = Chain::read(manifests, &tree.signer.keys(), &[tree.head()]);
    assert!(chain.findings.is_empty(), "{:?}", chain.findings);
    let evidence = tree.evidence(&chain, None);
    assert!(evidence.findings.is_empty(), "{:?}", evidence.findings);
    assert_eq!(evidence.counts.unproven, 2);
}

#[test]
fn a_record_that_cannot_be_read_is_not_missing() {
    let mut tree = Tree::filled();
    tree.files.remove(&of("1a"));
    let chain = Chain::read(tree.manifests(), &tree.signer.keys(), &[]);
    let mut evidence = Evidence::new(&chain, true);
    let there = tree.files.iter().filter(|(k, _)| k.starts_with("provenance/"));
    there.for_each(|(k, bytes)| evidence.add(Found::read(k.clone(), bytes), Moment::from_millis(0)));
    evidence.unread(of("1a"));
    evidence.finish(|_| true, None);
    assert!(evidence.findings.is_empty(), "{:?}", evidence.findings);
}

/// Texts from outside cannot write a line of their own, or hide one.
#[test]
fn what_comes_from_outside_is_escaped() {
    let mut odd = receipt("a", 5 * HOUR);
    odd.bucket = "b\u{1b}[2K".into();
    odd.version_id = "v\n".into();
    let version = super::finding::version_of(&odd);
    let finding = super::finding::Finding::of(Kind::ReceiptMisplaced, "k\r", "it is `x\u{1b}`");
    for text in [finding.clone().text(), finding.about(version).text()] {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}
