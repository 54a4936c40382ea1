//! Evidence made by hand with a key of our own, and everything that can be done to it.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use kit::names::sha256;
use kit::time::Moment;
use ledger::manifest::{self, Listed, Predicate, Statement};
use proptest::prelude::*;
use provenance::receipt::{Receipt, State};

use super::chain::{Chain, Pin};
use super::evidence::{Evidence, Found};
use super::finding::Kind;
use super::key::PublicKeys;

const HOUR: u64 = 3_600_000;
type Files = BTreeMap<String, Vec<u8>>;

/// Who signs.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn keys(&self) -> PublicKeys {
        let der: PublicKeyX509Der = self.0.public_key().as_der().unwrap();
        PublicKeys::of_der(der.as_ref()).unwrap()
    }

    fn seal(&self, statement: &Statement) -> Vec<u8> {
        let payload = statement.payload();
        let signature = self.0.sign(&SystemRandom::new(), &manifest::pae(&payload));
        manifest::seal(
            &payload,
            &statement.predicate.key,
            signature.unwrap().as_ref(),
        )
    }
}

/// What is in a receipts bucket.
struct Tree {
    signer: Signer,
    files: Files,
}

fn receipt(name: &str, at: u64) -> Receipt {
    Receipt {
        state: State::Hashed,
        bucket: "raw".into(),
        key: format!("incoming/{name}"),
        version_id: "v1".into(),
        etag: Some("e".into()),
        size: Some(3),
        sha256: Some(sha256(name.as_bytes())),
        s3_checksum: None,
        s3_checksum_algorithm: None,
        s3_checksum_type: None,
        last_modified: Some(Moment(at)),
        event_time: None,
        sequencer: None,
        recorded_at: Moment(at),
        pinned_late: false,
    }
}

fn listed(of: &Receipt) -> Listed {
    Listed::new(of.key(), sha256(&of.bytes()))
}

impl Tree {
    fn new() -> Self {
        Self {
            signer: Signer::new(),
            files: Files::new(),
        }
    }

    fn put(&mut self, receipt: &Receipt) -> String {
        self.files.insert(receipt.key(), receipt.bytes());
        receipt.key()
    }

    fn manifests(&self) -> Vec<(String, Vec<u8>)> {
        let files = self
            .files
            .iter()
            .filter(|(key, _)| key.starts_with("ledger/"));
        files.map(|(k, b)| (k.clone(), b.clone())).collect()
    }

    /// Closes the next hour with these lists.
    fn close(&mut self, present: Vec<Listed>, announced: Vec<Listed>) -> String {
        let sequence = self.manifests().len() as u64 + 1;
        let before = sequence - 1;
        let previous = self.files.get(&manifest::key(before));
        let predicate = Predicate {
            sequence,
            from: (before > 0).then_some(Moment(before * HOUR)),
            to: Moment(sequence * HOUR),
            previous: previous.map(|b| Listed::new(manifest::key(before), sha256(b))),
            announced,
            key: "alias/ledger".into(),
        };
        let sealed = self.signer.seal(&Statement::new(present, predicate));
        self.files.insert(manifest::key(sequence), sealed);
        manifest::key(sequence)
    }

    /// Three hours with two receipts each, and an empty one.
    fn filled() -> Self {
        let mut tree = Self::new();
        for hour in 0..3 {
            let pair = ["a", "b"].map(|n| receipt(&format!("{hour}{n}"), hour * HOUR + 60_000));
            let lists = pair.iter().map(listed).collect();
            pair.iter().for_each(|r| {
                tree.put(r);
            });
            tree.close(lists, Vec::new());
        }
        tree.close(Vec::new(), Vec::new());
        tree
    }

    fn verify(&self) -> Vec<(Kind, String)> {
        self.verify_with(&self.signer.keys(), &[], None)
    }

    fn verify_with(
        &self,
        keys: &PublicKeys,
        pins: &[Pin],
        at: Option<Moment>,
    ) -> Vec<(Kind, String)> {
        let chain = Chain::read(self.manifests(), keys, pins);
        let mut evidence = Evidence::new(&chain, Moment(1000 * HOUR), false);
        let receipts = self
            .files
            .iter()
            .filter(|(k, _)| k.starts_with("provenance/"));
        receipts.for_each(|(k, bytes)| evidence.add(Found::read(k.clone(), bytes)));
        evidence.finish(|_| true, at);
        let findings = chain.findings.iter().chain(&evidence.findings);
        let mut findings: Vec<_> = findings.map(|f| (f.kind, f.evidence.clone())).collect();
        findings.sort_unstable();
        findings
    }

    fn head(&self) -> Pin {
        Chain::read(self.manifests(), &self.signer.keys(), &[])
            .head
            .unwrap()
    }
}

fn of(name: &str) -> String {
    receipt(name, 0).key()
}

#[test]
fn what_was_not_touched_is_right() {
    let tree = Tree::filled();
    assert_eq!(tree.verify(), []);
    assert_eq!(
        tree.verify_with(&tree.signer.keys(), &[tree.head()], Some(Moment(6 * HOUR))),
        []
    );
    assert_eq!(tree.head().sequence, 4);
}

#[test]
fn a_receipt_that_is_replaced_removed_or_invented() {
    let mut tree = Tree::filled();
    tree.files
        .insert(of("1a"), receipt("1a", HOUR + 60_001).bytes());
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
    assert_eq!(
        tree.verify(),
        [(Kind::ReceiptUnlisted, of("young"))],
        "back-dated"
    );
    tree.put(&receipt("young", 2000 * HOUR));
    assert_eq!(
        tree.verify(),
        [(Kind::ReceiptUnlisted, of("young"))],
        "of the future"
    );
}

#[test]
fn a_receipt_in_the_place_of_another() {
    let mut tree = Tree::filled();
    let honest = receipt("x", 4 * HOUR + 1);
    let place = of("y");
    tree.files.insert(place.clone(), honest.bytes());
    tree.close(
        vec![Listed::new(&place, sha256(&honest.bytes()))],
        Vec::new(),
    );
    assert_eq!(tree.verify(), [(Kind::ReceiptMisplaced, place)]);
    let mut tree = Tree::filled();
    let early = receipt("early", 5);
    tree.put(&early);
    tree.close(vec![listed(&early)], Vec::new());
    assert_eq!(
        tree.verify(),
        [(Kind::ReceiptMisplaced, of("early"))],
        "listed later than it says"
    );
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
    assert_eq!(
        tree.verify(),
        [
            (Kind::ManifestChain, two.clone()),
            (Kind::ManifestChain, three)
        ]
    );
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
    assert_eq!(
        tree.verify_with(&keys, &[pin], None),
        [(Kind::ManifestChain, last)]
    );
    let behind = tree.verify_with(&keys, &[], Some(Moment(6 * HOUR)));
    assert_eq!(behind, [(Kind::LedgerBehind, manifest::key(3))]);
    tree.put(&receipt("newest", 6 * HOUR));
    assert_eq!(
        tree.verify(),
        behind,
        "the receipts themselves are further on"
    );
    tree.files.retain(|key, _| key.starts_with("provenance/"));
    assert_eq!(tree.verify(), [(Kind::LedgerBehind, "ledger/".into())]);
}

#[test]
fn a_manifest_of_another_key() {
    let mut tree = Tree::filled();
    let forger = Signer::new();
    let two = manifest::key(2);
    let honest = manifest::open(&tree.files[&two]).unwrap();
    tree.files
        .insert(two.clone(), forger.seal(&honest.statement));
    assert_eq!(tree.verify(), [(Kind::ManifestSignature, two.clone())]);
    assert_eq!(
        tree.verify_with(&forger.keys(), &[], Some(Moment(4 * HOUR)))
            .len(),
        3
    );
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
    assert_eq!(
        tree.head(),
        pin,
        "which is why a pin of the head is not enough without the chain"
    );
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
