//! Evidence for tests: an in-memory receipts bucket whose manifests the real ledger writes.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use lambda_support::{Protocol, Step};
use ledger::effect::{Body, Effect, EffectResult};
use ledger::protocol::{LedgerConfig, LedgerProtocol};
use ledger::request::{CloseUntil, RunRequest};
use sluice_types::digest::sha256;
use sluice_types::keys::{JOURNAL_PREFIX, LEDGER_PREFIX};
use sluice_types::manifest::{self, Predicate, ResourceDescriptor, Statement};
use sluice_types::signature::canonical;
use sluice_types::{
    JournalEntry, OperatorAction, OperatorRecord, Receipt, ReceiptState, Record as _, RecordKind, Timestamp,
};

use super::chain::{Chain, Pin};
use super::evidence::{Evidence, FoundRecord};
use super::finding::FindingKind;
use super::public_keys::PublicKeys;

pub(super) const HOUR: u64 = 3_600_000;
pub(super) const VERSION: &str = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A signing key.
pub(super) struct Signer(EcdsaKeyPair);

impl Signer {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(super) fn keys(&self) -> PublicKeys {
        let der: PublicKeyX509Der = self.0.public_key().as_der().unwrap();
        PublicKeys::from_der(der.as_ref()).unwrap()
    }

    pub(super) fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), &manifest::pae(payload));
        canonical(signature.unwrap().as_ref()).unwrap()
    }

    pub(super) fn seal(&self, statement: &Statement) -> Vec<u8> {
        let payload = statement.payload();
        manifest::seal(&payload, &statement.predicate.key, &self.sign(&payload))
    }
}

/// A receipts bucket.
pub(super) struct EvidenceFixture {
    pub(super) signer: Signer,
    pub(super) files: Files,
}

pub(super) fn receipt(name: &str, at: u64) -> Receipt {
    Receipt {
        state: ReceiptState::Hashed,
        bucket: "raw".into(),
        key: format!("incoming/{name}"),
        version_id: VERSION.into(),
        etag: Some("e".into()),
        size: Some(name.len() as u64),
        sha256: Some(sha256(name.as_bytes())),
        s3_checksum: None,
        s3_checksum_algorithm: None,
        s3_checksum_type: None,
        last_modified: Some(Timestamp::from_millis(at)),
        event_time: None,
        sequencer: None,
        reason: None,
        recorded_at: Timestamp::from_millis(at),
        pinned_late: false,
    }
}

/// An operator record about the version of a receipt.
pub(super) fn operation(action: OperatorAction, receipt: &Receipt, at: u64) -> OperatorRecord {
    OperatorRecord {
        action,
        bucket: Some(receipt.bucket.clone()),
        key: Some(receipt.key.clone()),
        version_id: Some(receipt.version_id.clone()),
        sha256: receipt.sha256.clone(),
        new_version_id: None,
        queue: None,
        caller: "arn:aws:iam::1:user/ada".into(),
        role: None,
        reason: None,
        recorded_at: Timestamp::from_millis(at),
    }
}

pub(super) fn listed(receipt: &Receipt) -> ResourceDescriptor {
    ResourceDescriptor::new(receipt.record_key(), sha256(&receipt.bytes()))
}

impl EvidenceFixture {
    pub(super) fn new() -> Self {
        Self { signer: Signer::new(), files: Files::new() }
    }

    pub(super) fn put(&mut self, receipt: &Receipt) -> String {
        self.files.insert(receipt.record_key(), receipt.bytes());
        receipt.record_key()
    }

    /// Puts a journal entry and its record, as their writers do.
    pub(super) fn record(&mut self, entry: &JournalEntry, bytes: Vec<u8>) {
        let text = serde_json::to_vec(entry).unwrap();
        self.files.insert(entry.key(), text);
        self.files.insert(entry.record_key.clone(), bytes);
    }

    pub(super) fn manifests(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let files = self.files.iter().filter(|(k, _)| k.starts_with(LEDGER_PREFIX));
        files.map(|(k, b)| (k.clone(), Some(b.clone()))).collect()
    }

    /// Writes the manifest of the next hour with these lists.
    pub(super) fn add_manifest(
        &mut self,
        present: Vec<ResourceDescriptor>,
        announced: Vec<ResourceDescriptor>,
    ) -> String {
        self.add_changed_manifest(present, |predicate| predicate.announced = announced)
    }

    /// Writes the manifest of the next hour; `change` changes it before it is signed.
    pub(super) fn add_changed_manifest(
        &mut self,
        present: Vec<ResourceDescriptor>,
        change: impl FnOnce(&mut Predicate),
    ) -> String {
        let sequence = self.manifests().len() as u64 + 1;
        let previous_sequence = sequence - 1;
        let previous = self.files.get(&manifest::key(previous_sequence));
        let mut predicate = Predicate {
            sequence,
            from: (previous_sequence > 0).then_some(Timestamp::from_millis(previous_sequence * HOUR)),
            to: Timestamp::from_millis(sequence * HOUR),
            previous: previous.map(|b| ResourceDescriptor::new(manifest::key(previous_sequence), sha256(b))),
            announced: Vec::new(),
            key: "alias/ledger".into(),
        };
        change(&mut predicate);
        let sealed = self.signer.seal(&Statement::new(present, predicate));
        self.files.insert(manifest::key(sequence), sealed);
        manifest::key(sequence)
    }

    /// Runs the ledger at this time; returns whether it succeeded.
    pub(super) fn run_ledger(&mut self, now: u64) -> bool {
        let config = LedgerConfig { signing_key: "alias/ledger".into(), max_listed_records: 100 };
        let request = RunRequest { close_until: CloseUntil::FullHour, go_on_from: None };
        let now = Timestamp::from_millis(now);
        let (mut protocol, mut step) = LedgerProtocol::start(request, &config, now);
        while let Step::Perform(effect) = step {
            let result = self.perform(&effect);
            step = protocol.next(&config, result, now);
        }
        step == Step::Done(())
    }

    fn perform(&mut self, effect: &Effect) -> EffectResult {
        let keys = |prefix: &str, after: &str| -> Vec<String> {
            let keys = self.files.keys().filter(|k| k.starts_with(prefix));
            keys.filter(|k| k.as_str() > after).cloned().collect()
        };
        match effect {
            Effect::FindManifest { after } => {
                let keys = keys(LEDGER_PREFIX, &manifest::key(*after));
                EffectResult::ManifestFound(keys.iter().find_map(|k| manifest::sequence_of(k)))
            }
            Effect::ReadManifest(sequence) => EffectResult::Manifest(self.files[&manifest::key(*sequence)].clone()),
            Effect::ListJournal { after } => {
                EffectResult::JournalPage { keys: keys(JOURNAL_PREFIX, after), more: false }
            }
            Effect::ReadEntries(keys) | Effect::ReadRecords(keys) => {
                let bodies = keys.iter().map(|key| {
                    let bytes = self.files.get(key)?.clone();
                    let sha256 = sha256(&bytes);
                    Some(Body { bytes, sha256 })
                });
                EffectResult::Objects(bodies.collect())
            }
            Effect::Verify { signature, .. } => {
                let signed = self.files.values().filter_map(|b| manifest::open(b).ok());
                let mut signed = signed.filter(|o| o.signature == *signature);
                let keys = self.signer.keys();
                EffectResult::Verified(signed.any(|o| keys.verify(&o.signed, &o.signature)))
            }
            Effect::Sign(statement) => EffectResult::Signed(self.signer.sign(&statement.payload())),
            Effect::WriteManifest { sequence, envelope } => {
                let key = manifest::key(*sequence);
                self.files.insert(key, envelope.clone());
                EffectResult::ManifestWritten
            }
        }
    }

    /// Three hours with two receipts each, and one without.
    pub(super) fn filled() -> Self {
        let mut fixture = Self::new();
        for hour in 0..3 {
            let pair = ["a", "b"].map(|n| receipt(&format!("{hour}{n}"), hour * HOUR + 60_000));
            let lists = pair.iter().map(listed).collect();
            pair.iter().for_each(|r| {
                fixture.put(r);
            });
            fixture.add_manifest(lists, Vec::new());
        }
        fixture.add_manifest(Vec::new(), Vec::new());
        fixture
    }

    pub(super) fn verify(&self) -> Vec<(FindingKind, String)> {
        self.verify_with(&self.signer.keys(), &[], None)
    }

    pub(super) fn verify_with(
        &self,
        keys: &PublicKeys,
        pins: &[Pin],
        at: Option<Timestamp>,
    ) -> Vec<(FindingKind, String)> {
        let chain = Chain::verify(self.manifests(), keys, pins);
        let evidence = self.evidence(&chain, at);
        let findings = chain.findings.iter().chain(&evidence.findings);
        let mut findings: Vec<_> = findings.map(|f| (f.kind, f.evidence.clone())).collect();
        findings.sort_unstable();
        findings
    }

    /// Compares the records with the ledger.
    pub(super) fn evidence<'a>(&self, chain: &'a Chain, at: Option<Timestamp>) -> Evidence<'a> {
        let mut evidence = Evidence::new(chain, true);
        let records = self.files.iter();
        let records = records.filter(|(key, _)| RecordKind::of(key).is_some());
        for (key, bytes) in records {
            evidence.add(FoundRecord::parse(key.clone(), bytes), Timestamp::from_millis(1000 * HOUR));
        }
        evidence.finish(|_| true, at);
        evidence
    }

    pub(super) fn head(&self) -> Pin {
        Chain::verify(self.manifests(), &self.signer.keys(), &[]).head.unwrap()
    }
}

pub(super) fn receipt_key(name: &str) -> String {
    receipt(name, 0).record_key()
}
