//! The protocol's effects on the in-memory S3, and what every history must leave behind.
#![allow(dead_code, reason = "each test uses its part")]

use lambda_support::aws::Found;
use lambda_support::fakes::{Object, S3, S3Error};
use lambda_support::journal::{Entry, JOURNAL, RECEIPTS};
use lambda_support::names::sha256;
use lambda_support::time::Moment;
use lambda_support::{Arrival, Fault};
use provenance::effect::{Effect, Outcome};
use provenance::protocol::{End, Verdict};
use provenance::receipt::{Receipt, State, key_of};
use provenance::version::{Facts, Version};
use provenance::watch::Watched;

pub const IN: &str = "raw";
pub const OUT: &str = "receipts";

/// S3 and a clock that every reading of a version moves on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct World {
    pub s3: S3,
    pub clock: u64,
}

impl World {
    pub fn now(&self) -> Moment {
        Moment(1_763_906_709_000 + self.clock)
    }

    pub fn put(&mut self, key: &str, bytes: &[u8]) -> Version {
        let version_id = self.s3.put(IN, key, bytes, false).unwrap();
        version(key, &version_id)
    }
}

pub fn watched() -> Vec<Watched> {
    vec![Watched { bucket: IN.into(), prefixes: vec!["incoming/".into()] }]
}

pub fn version(key: &str, version_id: &str) -> Version {
    Version { bucket: IN.into(), key: key.into(), version_id: version_id.into() }
}

/// An event of this version; an empty version-id is left out.
pub fn arrival(version: &Version, etag: Option<&str>) -> Arrival {
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
pub fn perform(world: &mut World, effect: &Effect) -> Outcome {
    match effect {
        Effect::Pin { bucket, key, etag } => find(world, bucket, key, |found| etag.is_none() || found.etag == *etag),
        Effect::Confirm(v) => find(world, &v.bucket, &v.key, |f| f.version_id == v.version_id),
        Effect::CheckReceipt(key) => Outcome::Receipt(world.s3.get(OUT, key, None).is_ok()),
        Effect::Inspect(version) => match get(world, version) {
            Err(error) => Outcome::Unreadable(Fault::new("HeadObject", format!("{error:?}"))),
            Ok(object) => Outcome::Facts(Facts {
                size: object.size(),
                etag: Some(etag(object)),
                last_modified: Some(Moment(1_763_906_700_000)),
                checksum: None,
            }),
        },
        Effect::Hash(version, _) => {
            world.clock += 1;
            match get(world, version) {
                Err(error) => Outcome::Unreadable(Fault::new("GetObject", format!("{error:?}"))),
                Ok(object) => Outcome::Hashed(object.sha256()),
            }
        }
        Effect::Announce(receipt) => {
            let entry = receipt.entry();
            let bytes = serde_json::to_vec(&entry).unwrap();
            world.s3.put(OUT, &entry.key(), &bytes, false).unwrap();
            Outcome::Done
        }
        Effect::Write(receipt) => match world.s3.put(OUT, &receipt.key(), &receipt.bytes(), true) {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::WrittenBefore,
        },
    }
}

fn get<'a>(world: &'a World, version: &Version) -> Result<&'a Object, S3Error> {
    let Version { bucket, key, version_id } = version;
    world.s3.get(bucket, key, Some(version_id))
}

fn find(world: &World, bucket: &str, key: &str, wanted: impl Fn(&Found) -> bool) -> Outcome {
    let versions = world.s3.versions(bucket, key).into_iter();
    let mut found = versions.filter(|o| o.body.is_some()).map(|o| Found {
        version_id: o.version_id.clone(),
        size: Some(o.size()),
        etag: Some(etag(o)),
    });
    Outcome::Found(found.find(wanted))
}

/// Every record that is there, each written once and announced before; `bytes_of` knows what each version was.
pub fn records(world: &World, bytes_of: impl Fn(&Version) -> Option<Vec<u8>>) -> Vec<Receipt> {
    let read = |key: &str| {
        let versions = world.s3.versions(OUT, key);
        assert_eq!(versions.len(), 1, "written twice: {key}");
        versions[0].body.clone().unwrap()
    };
    let entries = world.s3.list(OUT, JOURNAL).into_iter();
    let entries: std::collections::BTreeSet<Entry> = entries
        .map(|key| {
            // The same entry may be put again; it is the same each time.
            let entry: Entry =
                serde_json::from_slice(world.s3.get(OUT, key, None).unwrap().body.as_deref().unwrap()).unwrap();
            assert_eq!(entry.key(), key);
            entry
        })
        .collect();
    let keys = world.s3.list(OUT, RECEIPTS).into_iter();
    keys.map(|key| {
        let bytes = read(key);
        let receipt: Receipt = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((receipt.key().as_str(), receipt.bytes()), (key, bytes.to_vec()));
        let entry = Entry::new(key.to_owned(), &bytes, receipt.recorded_at);
        assert!(entries.contains(&entry), "not announced: {key}");
        let of = version(&receipt.key, &receipt.version_id);
        match receipt.state {
            State::Hashed => {
                let bytes = bytes_of(&of).expect("a receipt of no version");
                assert_eq!(receipt.sha256, Some(sha256(&bytes)), "{key}");
                assert_eq!(receipt.size, Some(bytes.len() as u64));
            }
            State::Gone => {
                assert_eq!(receipt.sha256, None);
                assert!(get(world, &of).is_err(), "there, but recorded as gone: {key}");
            }
            State::Deferred | State::Unreadable => assert_eq!(receipt.sha256, None),
        }
        receipt
    })
    .collect()
}

/// A verdict of a finished delivery is true of the records.
pub fn agrees(world: &World, verdict: &Verdict) {
    let Version { bucket, key, version_id } = &verdict.version;
    let place = match &verdict.receipt {
        Some(receipt) => receipt.key(),
        None => key_of(bucket, key, version_id),
    };
    let there = || -> Receipt {
        let object = world.s3.get(OUT, &place, None).unwrap();
        serde_json::from_slice(object.body.as_deref().unwrap()).unwrap()
    };
    match verdict.end {
        End::Skipped => assert_eq!(verdict.receipt, None),
        End::Known if version_id.is_empty() => {}
        End::Known => assert!(matches!(there().state, State::Hashed | State::Gone)),
        End::Recorded => assert_eq!(Some(there()), verdict.receipt.as_deref().cloned()),
        End::Gone => assert_eq!(there().state, State::Gone),
        End::Deferred => assert_eq!(there().state, State::Deferred),
        End::Unreadable => assert_eq!(there().state, State::Unreadable),
    }
}
