//! The protocol's effects on the in-memory S3, and what every history must leave behind.
#![allow(dead_code, reason = "each test uses its part")]

use lambda_support::fakes::{Object, S3, S3Error};
use lambda_support::{Arrival, Fault};
use provenance::effect::{Effect, EffectResult};
use provenance::protocol::{End, Verdict};
use provenance::watch::Watched;
use sluice_types::digest::sha256;
use sluice_types::keys::{JOURNAL_PREFIX, RECEIPTS_PREFIX};
use sluice_types::receipt::receipt_key;
use sluice_types::{
    JournalEntry, ListedVersion, ObjectAttributes, ObjectVersion, Receipt, ReceiptState, Record, Timestamp,
};

pub const IN: &str = "raw";
pub const OUT: &str = "receipts";
pub const START: Timestamp = Timestamp::from_millis(1_763_906_709_000);

/// S3 and a clock that every reading of a version moves on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct World {
    pub s3: S3,
    pub clock: u64,
}

impl World {
    pub fn now(&self) -> Timestamp {
        START.plus_millis(self.clock)
    }

    pub fn put(&mut self, key: &str, bytes: &[u8]) -> ObjectVersion {
        let version_id = self.s3.put(IN, key, bytes, false).unwrap();
        version(key, &version_id)
    }
}

pub fn watched() -> Vec<Watched> {
    vec![Watched { bucket: IN.into(), prefixes: vec!["incoming/".into()] }]
}

pub fn version(key: &str, version_id: &str) -> ObjectVersion {
    ObjectVersion { bucket: IN.into(), key: key.into(), version_id: version_id.into() }
}

/// An event of this version; an empty version-id is left out.
pub fn arrival(version: &ObjectVersion, etag: Option<&str>) -> Arrival {
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

/// An ETag as S3 has it: the same for the same bytes.
pub fn etag(object: &Object) -> String {
    object.sha256()[..32].to_owned()
}

/// One effect on the world, as S3 would answer it.
pub fn perform(world: &mut World, effect: &Effect) -> EffectResult {
    match effect {
        Effect::Pin { bucket, key, etag } => {
            find(world, bucket, key, |found| etag.is_none() || found.attributes.etag == *etag)
        }
        Effect::Confirm(v) => find(world, &v.bucket, &v.key, |found| found.version == *v),
        Effect::CheckReceipt(key) => EffectResult::Receipt(world.s3.get(OUT, key, None).is_ok()),
        Effect::Inspect(version) => match get(world, version) {
            Err(error) => EffectResult::Unreadable(Fault::new("HeadObject", format!("{error:?}"))),
            Ok(object) => EffectResult::Facts(ObjectAttributes {
                size: object.size(),
                etag: Some(etag(object)),
                last_modified: Some(Timestamp::from_millis(1_763_906_700_000)),
                checksums: Vec::new(),
            }),
        },
        Effect::Hash(version, _) => {
            world.clock += 1;
            match get(world, version) {
                Err(error) => EffectResult::Unreadable(Fault::new("GetObject", format!("{error:?}"))),
                Ok(object) => EffectResult::Hashed(object.sha256()),
            }
        }
        Effect::Announce(receipt) => {
            let entry = receipt.journal_entry();
            let bytes = serde_json::to_vec(&entry).unwrap();
            world.s3.put(OUT, &entry.key(), &bytes, false).unwrap();
            EffectResult::Done
        }
        Effect::Write(receipt) => match world.s3.put(OUT, &receipt.record_key(), &receipt.bytes(), true) {
            Ok(_) => EffectResult::Done,
            Err(_) => EffectResult::WrittenBefore,
        },
    }
}

fn get<'a>(world: &'a World, version: &ObjectVersion) -> Result<&'a Object, S3Error> {
    let ObjectVersion { bucket, key, version_id } = version;
    world.s3.get(bucket, key, Some(version_id))
}

fn find(world: &World, bucket: &str, key: &str, wanted: impl Fn(&ListedVersion) -> bool) -> EffectResult {
    let versions = world.s3.versions(bucket, key).into_iter();
    let mut found = versions.filter(|o| o.body.is_some()).map(|object| {
        let mut listed = object.listed(bucket, key);
        listed.attributes.etag = Some(etag(object));
        listed
    });
    EffectResult::Found(found.find(wanted))
}

/// Every record that is there, each written once and announced before; `bytes_of` knows what each version was.
pub fn records(world: &World, bytes_of: impl Fn(&ObjectVersion) -> Option<Vec<u8>>) -> Vec<Receipt> {
    let read = |key: &str| {
        let versions = world.s3.versions(OUT, key);
        assert_eq!(versions.len(), 1, "written twice: {key}");
        versions[0].body.clone().unwrap()
    };
    let entries = world.s3.list(OUT, JOURNAL_PREFIX).into_iter();
    let entries: std::collections::BTreeSet<JournalEntry> = entries
        .map(|key| {
            // The same entry may be put again; it is the same each time.
            let entry: JournalEntry =
                serde_json::from_slice(world.s3.get(OUT, key, None).unwrap().body.as_deref().unwrap()).unwrap();
            assert_eq!(entry.key(), key);
            entry
        })
        .collect();
    let keys = world.s3.list(OUT, RECEIPTS_PREFIX).into_iter();
    keys.map(|key| {
        let bytes = read(key);
        let receipt: Receipt = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((receipt.record_key().as_str(), receipt.bytes()), (key, bytes.to_vec()));
        let entry = JournalEntry::new(key.to_owned(), &bytes, receipt.recorded_at);
        assert!(entries.contains(&entry), "not announced: {key}");
        let of = version(&receipt.key, &receipt.version_id);
        match receipt.state {
            ReceiptState::Hashed => {
                let bytes = bytes_of(&of).expect("a receipt of no version");
                assert_eq!(receipt.sha256, Some(sha256(&bytes)), "{key}");
                assert_eq!(receipt.size, Some(bytes.len() as u64));
            }
            ReceiptState::Gone => {
                assert_eq!(receipt.sha256, None);
                assert!(get(world, &of).is_err(), "there, but recorded as gone: {key}");
            }
            ReceiptState::Deferred | ReceiptState::Unreadable => assert_eq!(receipt.sha256, None),
        }
        receipt
    })
    .collect()
}

/// A verdict of a finished delivery is true of the records.
pub fn agrees(world: &World, verdict: &Verdict) {
    let version_id = &verdict.version.version_id;
    let place = match &verdict.receipt {
        Some(receipt) => receipt.record_key(),
        None => receipt_key(&verdict.version),
    };
    let there = || -> Receipt {
        let object = world.s3.get(OUT, &place, None).unwrap();
        serde_json::from_slice(object.body.as_deref().unwrap()).unwrap()
    };
    match verdict.end {
        End::Skipped => assert_eq!(verdict.receipt, None),
        End::Known if version_id.is_empty() => {}
        End::Known => assert!(matches!(there().state, ReceiptState::Hashed | ReceiptState::Gone)),
        End::Recorded => assert_eq!(Some(there()), verdict.receipt.as_deref().cloned()),
        End::Gone => assert_eq!(there().state, ReceiptState::Gone),
        End::Deferred => assert_eq!(there().state, ReceiptState::Deferred),
        End::Unreadable => assert_eq!(there().state, ReceiptState::Unreadable),
    }
}
