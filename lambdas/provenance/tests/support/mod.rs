//! Performs the protocol's effects on an in-memory S3, and checks the records that are left.
#![allow(dead_code, reason = "each test uses a part")]

use lambda_support::fakes::{Object, S3, S3Error};
use lambda_support::{Arrival, Fault};
use provenance::effect::{Effect, EffectResult};
use provenance::protocol::{Outcome, Verdict};
use provenance::record_writer::WriteResult;
use provenance::watched::WatchedBucket;
use sluice_types::digest::sha256;
use sluice_types::keys::{JOURNAL_PREFIX, RECEIPTS_PREFIX};
use sluice_types::receipt::receipt_key;
use sluice_types::{
    JournalEntry, ListedVersion, ObjectAttributes, ObjectVersion, Receipt, ReceiptState, Record, Timestamp,
};

pub(crate) const IN: &str = "raw";
pub(crate) const OUT: &str = "receipts";
pub(crate) const START: Timestamp = Timestamp::from_millis(1_763_906_709_000);

/// S3, and a clock that advances with every read of a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Deployment {
    pub s3: S3,
    pub clock: u64,
}

impl Deployment {
    pub(crate) fn now(&self) -> Timestamp {
        START.plus_millis(self.clock)
    }

    pub(crate) fn put(&mut self, key: &str, bytes: &[u8]) -> ObjectVersion {
        let version_id = self.s3.put(IN, key, bytes, false).unwrap();
        version(key, &version_id)
    }
}

pub(crate) fn watched() -> Vec<WatchedBucket> {
    vec![WatchedBucket { bucket: IN.into(), prefixes: vec!["incoming/".into()] }]
}

pub(crate) fn version(key: &str, version_id: &str) -> ObjectVersion {
    ObjectVersion { bucket: IN.into(), key: key.into(), version_id: version_id.into() }
}

/// An event about this version; an empty version-id is omitted.
pub(crate) fn arrival(version: &ObjectVersion, etag: Option<&str>) -> Arrival {
    Arrival {
        bucket: version.bucket.clone(),
        key: version.key.clone(),
        version_id: Some(version.version_id.clone()).filter(|v| !v.is_empty()),
        size: None,
        etag: etag.map(str::to_owned),
        sequencer: Some("0055".into()),
        time: Some("2025-11-23T14:05:09Z".into()),
        request_id: None,
    }
}

/// The ETag of an object: the same for the same bytes, as in S3.
pub(crate) fn etag(object: &Object) -> String {
    object.sha256()[..32].to_owned()
}

/// Performs one effect.
pub(crate) fn perform(deployment: &mut Deployment, effect: &Effect) -> EffectResult {
    match effect {
        Effect::ResolveVersion { bucket, key, etag } => {
            find(deployment, bucket, key, |found| etag.is_none() || found.attributes.etag == *etag)
        }
        Effect::ConfirmVersion(v) => find(deployment, &v.bucket, &v.key, |found| found.version == *v),
        Effect::CheckReceipt(key) => EffectResult::ReceiptExists(deployment.s3.get(OUT, key, None).is_ok()),
        Effect::Inspect(version) => match get(deployment, version) {
            Err(error) => EffectResult::NotAccessible(Fault::new("HeadObject", format!("{error:?}"))),
            Ok(object) => EffectResult::Attributes(ObjectAttributes {
                size: object.size(),
                etag: Some(etag(object)),
                last_modified: Some(Timestamp::from_millis(1_763_906_700_000)),
                checksums: Vec::new(),
            }),
        },
        Effect::Hash(version, _) => {
            deployment.clock += 1;
            match get(deployment, version) {
                Err(error) => EffectResult::NotAccessible(Fault::new("GetObject", format!("{error:?}"))),
                Ok(object) => EffectResult::Hashed(object.sha256()),
            }
        }
        Effect::WriteJournalEntry(receipt) => {
            let entry = receipt.journal_entry();
            let bytes = serde_json::to_vec(&entry).unwrap();
            deployment.s3.put(OUT, &entry.key(), &bytes, false).unwrap();
            EffectResult::JournalEntryWritten
        }
        Effect::WriteRecord(receipt) => match deployment.s3.put(OUT, &receipt.record_key(), &receipt.bytes(), true) {
            Ok(_) => EffectResult::RecordWritten(WriteResult::Created),
            Err(_) => EffectResult::RecordWritten(WriteResult::AlreadyExists),
        },
    }
}

fn get<'a>(deployment: &'a Deployment, version: &ObjectVersion) -> Result<&'a Object, S3Error> {
    let ObjectVersion { bucket, key, version_id } = version;
    deployment.s3.get(bucket, key, Some(version_id))
}

fn find(deployment: &Deployment, bucket: &str, key: &str, wanted: impl Fn(&ListedVersion) -> bool) -> EffectResult {
    let versions = deployment.s3.versions(bucket, key).into_iter();
    let mut found = versions.filter(|o| o.body.is_some()).map(|object| {
        let mut listed = object.listed(bucket, key);
        listed.attributes.etag = Some(etag(object));
        listed
    });
    EffectResult::Listed(found.find(wanted))
}

/// All records. Checks that each was written once, has its journal entry and is true; `bytes_of` returns the bytes that a
/// version had.
pub(crate) fn records(deployment: &Deployment, bytes_of: impl Fn(&ObjectVersion) -> Option<Vec<u8>>) -> Vec<Receipt> {
    let read = |key: &str| {
        let versions = deployment.s3.versions(OUT, key);
        assert_eq!(versions.len(), 1, "written twice: {key}");
        versions[0].body.clone().unwrap()
    };
    let entries = deployment.s3.list(OUT, JOURNAL_PREFIX).into_iter();
    let entries: std::collections::BTreeSet<JournalEntry> = entries
        .map(|key| {
            let entry: JournalEntry =
                serde_json::from_slice(deployment.s3.get(OUT, key, None).unwrap().body.as_deref().unwrap()).unwrap();
            assert_eq!(entry.key(), key);
            entry
        })
        .collect();
    let keys = deployment.s3.list(OUT, RECEIPTS_PREFIX).into_iter();
    keys.map(|key| {
        let bytes = read(key);
        let receipt: Receipt = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((receipt.record_key().as_str(), receipt.bytes()), (key, bytes.to_vec()));
        let entry = JournalEntry::new(key.to_owned(), &bytes, receipt.recorded_at);
        assert!(entries.contains(&entry), "no journal entry: {key}");
        let of = version(&receipt.key, &receipt.version_id);
        match receipt.state {
            ReceiptState::Hashed => {
                let bytes = bytes_of(&of).expect("the version existed");
                assert_eq!(receipt.sha256, Some(sha256(&bytes)), "{key}");
                assert_eq!(receipt.size, Some(bytes.len() as u64));
            }
            ReceiptState::Gone => {
                assert_eq!(receipt.sha256, None);
                assert!(get(deployment, &of).is_err(), "it exists, but is recorded as gone: {key}");
            }
            ReceiptState::Deferred | ReceiptState::Unreadable => assert_eq!(receipt.sha256, None),
        }
        receipt
    })
    .collect()
}

/// Checks the verdict of a finished delivery against the records.
pub(crate) fn check_verdict(deployment: &Deployment, verdict: &Verdict) {
    let version_id = &verdict.version.version_id;
    let record_key = match &verdict.receipt {
        Some(receipt) => receipt.record_key(),
        None => receipt_key(&verdict.version),
    };
    let existing = || -> Receipt {
        let object = deployment.s3.get(OUT, &record_key, None).unwrap();
        serde_json::from_slice(object.body.as_deref().unwrap()).unwrap()
    };
    match verdict.outcome {
        Outcome::Skipped => assert_eq!(verdict.receipt, None),
        Outcome::Known if version_id.is_empty() => {}
        Outcome::Known => assert!(matches!(existing().state, ReceiptState::Hashed | ReceiptState::Gone)),
        Outcome::Recorded => assert_eq!(Some(existing()), verdict.receipt.as_deref().cloned()),
        Outcome::Gone => assert_eq!(existing().state, ReceiptState::Gone),
        Outcome::Deferred => assert_eq!(existing().state, ReceiptState::Deferred),
        Outcome::Unreadable => assert_eq!(existing().state, ReceiptState::Unreadable),
    }
}
