//! The receipt: what an object version was when it arrived.

use lambda_support::journal::{Entry, RECEIPTS};
use lambda_support::time::Moment;
use serde::{Deserialize, Serialize};

use crate::place::{self, Ending};
use crate::version::{Facts, Version};

/// What a record says of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its bytes were read and hashed.
    Hashed,
    /// It was gone before that.
    Gone,
    /// It was too long for the time left; a `hashed` receipt completes it.
    Deferred,
    /// S3 refuses its bytes for good, and `reason` says why; a `hashed` receipt completes it if that ends.
    Unreadable,
}

/// The record of one object version: flat, so that SQL reads it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Receipt {
    /// What it says.
    pub state: State,
    /// Bucket name.
    pub bucket: String,
    /// Key, whole.
    pub key: String,
    /// Version-id; empty only for a version that was gone before anybody learned it.
    pub version_id: String,
    /// ETag without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 of the bytes, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The checksum that S3 keeps, base64, as S3 writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_checksum: Option<String>,
    /// Its algorithm by S3's name, for example `CRC64NVME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_checksum_algorithm: Option<String>,
    /// `FULL_OBJECT`, or `COMPOSITE` of the checksums of its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_checksum_type: Option<String>,
    /// When S3 says it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Moment>,
    /// When the event says it was made, as the sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// Orders the events of one key; a hexadecimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// Why the bytes cannot be read: the error code of S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When this was recorded.
    pub recorded_at: Moment,
    /// The event did not name the version: it was found by listing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned_late: bool,
}

impl Receipt {
    /// What S3's facts say of a version; without the hash, and without an event.
    #[must_use]
    pub fn of(version: &Version, facts: Option<&Facts>, state: State, recorded_at: Moment) -> Self {
        let checksum = facts.and_then(|f| f.checksum.as_ref());
        Self {
            state,
            bucket: version.bucket.clone(),
            key: version.key.clone(),
            version_id: version.version_id.clone(),
            etag: facts.and_then(|f| f.etag.clone()),
            size: facts.map(|f| f.size),
            sha256: None,
            s3_checksum: checksum.map(|c| c.value.clone()),
            s3_checksum_algorithm: checksum.map(|c| c.algorithm.to_owned()),
            s3_checksum_type: checksum.and_then(|c| c.kind.clone()),
            last_modified: facts.and_then(|f| f.last_modified),
            event_time: None,
            sequencer: None,
            reason: None,
            recorded_at,
            pinned_late: false,
        }
    }

    /// Its key in the receipts bucket.
    #[must_use]
    pub fn key(&self) -> String {
        let ending = match self.state {
            State::Hashed | State::Gone => Ending::Receipt,
            State::Deferred => Ending::Deferred,
            State::Unreadable => Ending::Unreadable,
        };
        let mut version_id = self.version_id.clone();
        if version_id.is_empty() {
            // A version whose id is not known has no receipt under it, but still one for the event.
            let event = self.sequencer.as_deref().or(self.etag.as_deref());
            version_id = format!("unknown-{}", event.unwrap_or("version"));
        }
        place::key_of(RECEIPTS, &self.bucket, &self.key, &version_id, ending)
    }

    /// Its bytes: one line of JSON, the same whenever it is written.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Its announcement.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry::new(self.key(), &self.bytes(), self.recorded_at)
    }
}

/// Where the receipt of a version is, if it is `hashed` or `gone`.
#[must_use]
pub fn key_of(bucket: &str, key: &str, version_id: &str) -> String {
    place::key_of(RECEIPTS, bucket, key, version_id, Ending::Receipt)
}

/// What the keys of all receipts begin with whose versions' keys begin with `prefix`, and perhaps of some more.
#[must_use]
pub fn under(bucket: &str, prefix: &str) -> String {
    place::under(RECEIPTS, bucket, prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(state: State) -> Receipt {
        Receipt {
            state,
            bucket: "raw".into(),
            key: "incoming/a b/ü.csv".into(),
            version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
            etag: Some("e".into()),
            size: Some(0),
            sha256: None,
            s3_checksum: None,
            s3_checksum_algorithm: None,
            s3_checksum_type: None,
            last_modified: Some(Moment(1_763_906_709_000)),
            event_time: None,
            sequencer: Some("0055".into()),
            reason: None,
            recorded_at: Moment(1_763_906_709_007),
            pinned_late: false,
        }
    }

    /// 001.10, 001.11: flat, and beside its source's place.
    #[test]
    fn it_is_one_flat_line_in_a_mirrored_place() {
        let gone = receipt(State::Gone);
        assert_eq!(gone.key(), "provenance/raw/incoming/a b/ü.csv/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j.json");
        let text = String::from_utf8(gone.bytes()).unwrap();
        assert_eq!(
            text,
            "{\"state\":\"gone\",\"bucket\":\"raw\",\"key\":\"incoming/a b/ü.csv\",\"version_id\":\"b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j\",\"etag\":\"e\",\
             \"size\":0,\"last_modified\":\"2025-11-23T14:05:09.000Z\",\"sequencer\":\"0055\",\
             \"recorded_at\":\"2025-11-23T14:05:09.007Z\"}\n"
        );
        assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), gone);
        assert_eq!(gone.entry().sha256, lambda_support::names::sha256(text.as_bytes()));
    }

    #[test]
    fn what_is_not_the_receipt_of_a_version_has_a_place_of_its_own() {
        assert!(receipt(State::Deferred).key().ends_with("/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j.deferred.json"));
        let key = receipt(State::Unreadable).key();
        assert!(key.ends_with(".unreadable.json"), "{key}");
        let unknown = Receipt { version_id: String::new(), ..receipt(State::Gone) };
        assert!(unknown.key().ends_with("/unknown-0055.json"));
        assert_eq!(
            receipt(State::Hashed).key(),
            key_of("raw", "incoming/a b/ü.csv", "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j")
        );
    }
}
