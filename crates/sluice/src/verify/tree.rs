//! Evidence made by hand, for tests: a receipts bucket that the real ledger closes, the versions it is about, what the
//! ingest moved, and a trail.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use lambda_support::{Protocol, Step};
use ledger::effect::{Body, Effect, EffectResult};
use ledger::protocol::{LedgerConfig, LedgerProtocol};
use ledger::request::{CloseUntil, RunRequest};
use sluice_types::digest::sha256;
use sluice_types::keys::{JOURNAL_PREFIX as JOURNAL, LEDGER_PREFIX as LEDGER};
use sluice_types::manifest::{self, Predicate, ResourceDescriptor as Listed, Statement};
use sluice_types::signature::canonical;
use sluice_types::{
    JournalEntry as Entry, OperatorAction as Action, OperatorRecord, Receipt, ReceiptState as State, Record,
    RecordKind, Timestamp as Moment,
};

use super::chain::{Chain, Pin};
use super::evidence::{Evidence, Found};
use super::finding::Kind;
use super::key::PublicKeys;

pub const HOUR: u64 = 3_600_000;
pub const VERSION: &str = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";
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

    pub fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), &manifest::pae(payload));
        canonical(signature.unwrap().as_ref()).unwrap()
    }

    pub fn seal(&self, statement: &Statement) -> Vec<u8> {
        let payload = statement.payload();
        manifest::seal(&payload, &statement.predicate.key, &self.sign(&payload))
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
        version_id: VERSION.into(),
        etag: Some("e".into()),
        size: Some(name.len() as u64),
        sha256: Some(sha256(name.as_bytes())),
        s3_checksum: None,
        s3_checksum_algorithm: None,
        s3_checksum_type: None,
        last_modified: Some(Moment::from_millis(at)),
        event_time: None,
        sequencer: None,
        reason: None,
        recorded_at: Moment::from_millis(at),
        pinned_late: false,
    }
}

/// A record of what somebody did to the version of this receipt.
pub fn operation(action: Action, of: &Receipt, at: u64) -> OperatorRecord {
    OperatorRecord {
        action,
        bucket: Some(of.bucket.clone()),
        key: Some(of.key.clone()),
        version_id: Some(of.version_id.clone()),
        sha256: of.sha256.clone(),
        new_version_id: None,
        queue: None,
        caller: "arn:aws:iam::1:user/ada".into(),
        role: None,
        reason: None,
        recorded_at: Moment::from_millis(at),
    }
}

pub fn listed(of: &Receipt) -> Listed {
    Listed::new(of.record_key(), sha256(&of.bytes()))
}

impl Tree {
    pub fn new() -> Self {
        Self { signer: Signer::new(), files: Files::new() }
    }

    pub fn put(&mut self, receipt: &Receipt) -> String {
        self.files.insert(receipt.record_key(), receipt.bytes());
        receipt.record_key()
    }

    /// Announces a record and puts it, as its writers do.
    pub fn record(&mut self, entry: &Entry, bytes: Vec<u8>) {
        let text = serde_json::to_vec(entry).unwrap();
        self.files.insert(entry.key(), text);
        self.files.insert(entry.record_key.clone(), bytes);
    }

    pub fn manifests(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let files = self.files.iter().filter(|(k, _)| k.starts_with(LEDGER));
        files.map(|(k, b)| (k.clone(), Some(b.clone()))).collect()
    }

    /// Closes the next hour with these lists.
    pub fn close(&mut self, present: Vec<Listed>, announced: Vec<Listed>) -> String {
        self.close_as(present, |predicate| predicate.announced = announced)
    }

    /// Closes the next hour, with something changed before it is signed.
    pub fn close_as(&mut self, present: Vec<Listed>, change: impl FnOnce(&mut Predicate)) -> String {
        let sequence = self.manifests().len() as u64 + 1;
        let before = sequence - 1;
        let previous = self.files.get(&manifest::key(before));
        let mut predicate = Predicate {
            sequence,
            from: (before > 0).then_some(Moment::from_millis(before * HOUR)),
            to: Moment::from_millis(sequence * HOUR),
            previous: previous.map(|b| Listed::new(manifest::key(before), sha256(b))),
            announced: Vec::new(),
            key: "alias/ledger".into(),
        };
        change(&mut predicate);
        let sealed = self.signer.seal(&Statement::new(present, predicate));
        self.files.insert(manifest::key(sequence), sealed);
        manifest::key(sequence)
    }

    /// Lets the ledger run at this moment; whether it came to its end.
    pub fn run_ledger(&mut self, now: u64) -> bool {
        let config = LedgerConfig { signing_key: "alias/ledger".into(), max_listed_records: 100 };
        let request = RunRequest { close_until: CloseUntil::FullHour, go_on_from: None };
        let now = Moment::from_millis(now);
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
                let keys = keys(LEDGER, &manifest::key(*after));
                EffectResult::ManifestFound(keys.iter().find_map(|k| manifest::sequence_of(k)))
            }
            Effect::ReadManifest(sequence) => EffectResult::Manifest(self.files[&manifest::key(*sequence)].clone()),
            Effect::ListJournal { after } => EffectResult::JournalPage { keys: keys(JOURNAL, after), more: false },
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

    pub fn verify_with(&self, keys: &PublicKeys, pins: &[Pin], at: Option<Moment>) -> Vec<(Kind, String)> {
        let chain = Chain::read(self.manifests(), keys, pins);
        let evidence = self.evidence(&chain, at);
        let findings = chain.findings.iter().chain(&evidence.findings);
        let mut findings: Vec<_> = findings.map(|f| (f.kind, f.evidence.clone())).collect();
        findings.sort_unstable();
        findings
    }

    /// The records, compared with the ledger.
    pub fn evidence<'a>(&self, chain: &'a Chain, at: Option<Moment>) -> Evidence<'a> {
        let mut evidence = Evidence::new(chain, true);
        let records = self.files.iter();
        let records = records.filter(|(key, _)| RecordKind::of(key).is_some());
        for (key, bytes) in records {
            evidence.add(Found::read(key.clone(), bytes), Moment::from_millis(1000 * HOUR));
        }
        evidence.finish(|_| true, at);
        evidence
    }

    pub fn head(&self) -> Pin {
        Chain::read(self.manifests(), &self.signer.keys(), &[]).head.unwrap()
    }
}

pub fn of(name: &str) -> String {
    receipt(name, 0).record_key()
}
