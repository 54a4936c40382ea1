//! The receipt: what an object version was when it arrived.

use serde::{Deserialize, Serialize};

use crate::object::{ObjectAttributes, ObjectVersion};
use crate::record::{Record, RecordKind};
use crate::record_key::{RecordSuffix, record_key, record_key_prefix};
use crate::timestamp::Timestamp;

/// What a receipt states about its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptState {
    /// Its bytes were read and hashed.
    Hashed,
    /// It no longer existed when it was to be read.
    Gone,
    /// Hashing it took longer than the time left; a later `hashed` receipt supersedes this one.
    Deferred,
    /// S3 permanently refuses to return its bytes, for `reason`; a later `hashed` receipt supersedes this one.
    Unreadable,
}

/// The record of one object version: flat, so that SQL engines can query it directly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Receipt {
    /// What it states about the version.
    pub state: ReceiptState,
    /// Bucket name.
    pub bucket: String,
    /// Key, never cut.
    pub key: String,
    /// Version-id; empty only if the version no longer existed before its version-id was known.
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
    /// The checksum that S3 stores, base64, as S3 reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_checksum: Option<String>,
    /// S3's name of its algorithm, for example `CRC64NVME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_checksum_algorithm: Option<String>,
    /// `FULL_OBJECT`, or `COMPOSITE` of the checksums of its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_checksum_type: Option<String>,
    /// When the version was created, as S3 reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    /// When the version was created, as the event has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// Orders the events of one key; a hexadecimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// Why the bytes cannot be read: S3's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When this was recorded.
    pub recorded_at: Timestamp,
    /// Whether the version-id was not in the event and was found by listing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned_late: bool,
}

impl Receipt {
    /// A receipt of what S3 reports about `version`, without a hash and without an event.
    #[must_use]
    pub fn new(
        version: &ObjectVersion,
        attributes: Option<&ObjectAttributes>,
        state: ReceiptState,
        recorded_at: Timestamp,
    ) -> Self {
        let checksum = attributes.and_then(|attributes| attributes.checksums.first());
        Self {
            state,
            bucket: version.bucket.clone(),
            key: version.key.clone(),
            version_id: version.version_id.clone(),
            etag: attributes.and_then(|attributes| attributes.etag.clone()),
            size: attributes.map(|attributes| attributes.size),
            sha256: None,
            s3_checksum: checksum.map(|checksum| checksum.value.clone()),
            s3_checksum_algorithm: checksum.map(|checksum| checksum.algorithm.to_owned()),
            s3_checksum_type: checksum.and_then(|checksum| checksum.kind.clone()),
            last_modified: attributes.and_then(|attributes| attributes.last_modified),
            event_time: None,
            sequencer: None,
            reason: None,
            recorded_at,
            pinned_late: false,
        }
    }

    /// The version that it describes.
    #[must_use]
    pub fn version(&self) -> ObjectVersion {
        ObjectVersion { bucket: self.bucket.clone(), key: self.key.clone(), version_id: self.version_id.clone() }
    }
}

impl Record for Receipt {
    fn record_key(&self) -> String {
        let suffix = match self.state {
            ReceiptState::Hashed | ReceiptState::Gone => RecordSuffix::Receipt,
            ReceiptState::Deferred => RecordSuffix::Deferred,
            ReceiptState::Unreadable => RecordSuffix::Unreadable,
        };
        let mut version = self.version();
        if version.version_id.is_empty() {
            // Without a version-id there is one receipt for each event instead.
            let event = self.sequencer.as_deref().or(self.etag.as_deref());
            version.version_id = format!("unknown-{}", event.unwrap_or("version"));
        }
        record_key(RecordKind::Object, &version, suffix)
    }

    fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }
}

/// The key of the `hashed` or `gone` receipt of `version`.
#[must_use]
pub fn receipt_key(version: &ObjectVersion) -> String {
    record_key(RecordKind::Object, version, RecordSuffix::Receipt)
}

/// A prefix of the keys of all receipts whose object keys start with `key_prefix`. Keys of a few other receipts may
/// start with it too.
#[must_use]
pub fn receipt_key_prefix(bucket: &str, key_prefix: &str) -> String {
    record_key_prefix(RecordKind::Object, bucket, key_prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(state: ReceiptState) -> Receipt {
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
            last_modified: Some(Timestamp::from_millis(1_763_906_709_000)),
            event_time: None,
            sequencer: Some("0055".into()),
            reason: None,
            recorded_at: Timestamp::from_millis(1_763_906_709_007),
            pinned_late: false,
        }
    }

    #[test]
    fn a_receipt_is_one_flat_line_under_a_key_that_mirrors_the_objects() {
        let gone = receipt(ReceiptState::Gone);
        assert_eq!(gone.record_key(), "provenance/raw/incoming/a b/ü.csv/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j.json");
        let text = String::from_utf8(gone.bytes()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), gone);
        assert_eq!(gone.journal_entry().sha256, crate::digest::sha256(text.as_bytes()));
    }

    #[test]
    fn incomplete_receipts_have_keys_of_their_own() {
        assert!(
            receipt(ReceiptState::Deferred).record_key().ends_with("/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j.deferred.json")
        );
        let key = receipt(ReceiptState::Unreadable).record_key();
        assert!(key.ends_with(".unreadable.json"), "{key}");
        let unknown = Receipt { version_id: String::new(), ..receipt(ReceiptState::Gone) };
        assert!(unknown.record_key().ends_with("/unknown-0055.json"));
        assert_eq!(receipt(ReceiptState::Hashed).record_key(), receipt_key(&receipt(ReceiptState::Hashed).version()));
    }
}
