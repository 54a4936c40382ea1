//! Evidence made by hand, for tests.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use kit::names::sha256;
use kit::time::Moment;
use ledger::manifest::{self, Listed, Predicate, Statement};
use provenance::receipt::{Receipt, State};

use super::chain::{Chain, Pin};
use super::evidence::{Evidence, Found};
use super::finding::Kind;
use super::key::PublicKeys;

pub const HOUR: u64 = 3_600_000;
pub type Files = BTreeMap<String, Vec<u8>>;

/// Who signs.
pub struct Signer(EcdsaKeyPair);

impl Signer {
    pub fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub fn keys(&self) -> PublicKeys {
        let der: PublicKeyX509Der = self.0.public_key().as_der().unwrap();
        PublicKeys::of_der(der.as_ref()).unwrap()
    }

    pub fn seal(&self, statement: &Statement) -> Vec<u8> {
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
pub struct Tree {
    pub signer: Signer,
    pub files: Files,
}

pub fn receipt(name: &str, at: u64) -> Receipt {
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
        reason: None,
        recorded_at: Moment(at),
        pinned_late: false,
    }
}

pub fn listed(of: &Receipt) -> Listed {
    Listed::new(of.key(), sha256(&of.bytes()))
}

impl Tree {
    pub fn new() -> Self {
        Self {
            signer: Signer::new(),
            files: Files::new(),
        }
    }

    pub fn put(&mut self, receipt: &Receipt) -> String {
        self.files.insert(receipt.key(), receipt.bytes());
        receipt.key()
    }

    pub fn manifests(&self) -> Vec<(String, Vec<u8>)> {
        let files = self
            .files
            .iter()
            .filter(|(key, _)| key.starts_with("ledger/"));
        files.map(|(k, b)| (k.clone(), b.clone())).collect()
    }

    /// Closes the next hour with these lists.
    pub fn close(&mut self, present: Vec<Listed>, announced: Vec<Listed>) -> String {
        self.close_as(present, |predicate| predicate.announced = announced)
    }

    /// Closes the next hour, with something changed before it is signed.
    pub fn close_as(
        &mut self,
        present: Vec<Listed>,
        change: impl FnOnce(&mut Predicate),
    ) -> String {
        let sequence = self.manifests().len() as u64 + 1;
        let before = sequence - 1;
        let previous = self.files.get(&manifest::key(before));
        let mut predicate = Predicate {
            sequence,
            from: (before > 0).then_some(Moment(before * HOUR)),
            to: Moment(sequence * HOUR),
            previous: previous.map(|b| Listed::new(manifest::key(before), sha256(b))),
            announced: Vec::new(),
            key: "alias/ledger".into(),
        };
        change(&mut predicate);
        let sealed = self.signer.seal(&Statement::new(present, predicate));
        self.files.insert(manifest::key(sequence), sealed);
        manifest::key(sequence)
    }

    /// Three hours with two receipts each, and an empty one.
    pub fn filled() -> Self {
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

    pub fn verify(&self) -> Vec<(Kind, String)> {
        self.verify_with(&self.signer.keys(), &[], None)
    }

    pub fn verify_with(
        &self,
        keys: &PublicKeys,
        pins: &[Pin],
        at: Option<Moment>,
    ) -> Vec<(Kind, String)> {
        let chain = Chain::read(self.manifests(), keys, pins);
        let mut evidence = Evidence::new(&chain, false);
        let receipts = self
            .files
            .iter()
            .filter(|(k, _)| k.starts_with("provenance/"));
        receipts.for_each(|(k, bytes)| {
            evidence.add(Found::read(k.clone(), bytes), Moment(1000 * HOUR))
        });
        evidence.finish(|_| true, at);
        let findings = chain.findings.iter().chain(&evidence.findings);
        let mut findings: Vec<_> = findings.map(|f| (f.kind, f.evidence.clone())).collect();
        findings.sort_unstable();
        findings
    }

    pub fn head(&self) -> Pin {
        Chain::read(self.manifests(), &self.signer.keys(), &[])
            .head
            .unwrap()
    }
}

pub fn of(name: &str) -> String {
    receipt(name, 0).key()
}
