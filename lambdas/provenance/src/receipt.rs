//! The receipt: what an object version was when it arrived.

use kit::journal::{Entry, RECEIPTS};
use kit::names::{MAX_KEY, fit};
use kit::time::Moment;
use serde::{Deserialize, Serialize};

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
            recorded_at,
            pinned_late: false,
        }
    }

    /// Its key in the receipts bucket.
    #[must_use]
    pub fn key(&self) -> String {
        let unknown = || self.sequencer.as_deref().or(self.etag.as_deref());
        match (self.state, self.version_id.as_str()) {
            (State::Deferred, version) => place(&self.bucket, &self.key, version, ".deferred.json"),
            // A version nobody learned has no receipt under its name, but still one for the event.
            (_, "") => {
                let event = format!("unknown-{}", unknown().unwrap_or("version"));
                place(&self.bucket, &self.key, &event, ".json")
            }
            (_, version) => key_of(&self.bucket, &self.key, version),
        }
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

/// Where the receipt of a version is, whatever it says.
#[must_use]
pub fn key_of(bucket: &str, key: &str, version_id: &str) -> String {
    place(bucket, key, version_id, ".json")
}

/// What the keys of all receipts begin with whose versions' keys begin with `prefix`, and perhaps of some more.
#[must_use]
pub fn under(bucket: &str, prefix: &str) -> String {
    // Longer ones may be cut in the receipt's key, where their parts are up to twice as long.
    let known = &prefix[..prefix.floor_char_boundary(MAX_KEY / 4)];
    let (folders, begun) = known.rsplit_once('/').map_or(("", known), |(f, b)| (f, b));
    let folders = match folders {
        "" if !known.contains('/') => String::new(),
        folders => format!("{}/", mirrored(folders)),
    };
    let begun = if begun.is_empty() {
        String::new()
    } else {
        mirrored(begun)
    };
    format!("{RECEIPTS}{bucket}/{folders}{begun}")
}

fn place(bucket: &str, key: &str, version: &str, ending: &str) -> String {
    let ending = format!("/{}{ending}", mirrored(version));
    fit(&format!("{RECEIPTS}{bucket}/"), &mirrored(key), &ending)
}

/// A path that SQL sees and file systems take: engines pass over what begins with `.` or `_`, and empty parts, `.` and
/// `..` are no names. Such parts get a `~` in front, and so do those that have one.
fn mirrored(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.bytes().next() {
        None | Some(b'.' | b'_' | b'~') => format!("~{part}"),
        Some(_) => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn receipt(state: State) -> Receipt {
        Receipt {
            state,
            bucket: "raw".into(),
            key: "incoming/a b/ü.csv".into(),
            version_id: "v1".into(),
            etag: Some("e".into()),
            size: Some(0),
            sha256: None,
            s3_checksum: None,
            s3_checksum_algorithm: None,
            s3_checksum_type: None,
            last_modified: Some(Moment(1_763_906_709_000)),
            event_time: None,
            sequencer: Some("0055".into()),
            recorded_at: Moment(1_763_906_709_007),
            pinned_late: false,
        }
    }

    /// 001.10, 001.11: flat, and beside its source's place.
    #[test]
    fn it_is_one_flat_line_in_a_mirrored_place() {
        let gone = receipt(State::Gone);
        assert_eq!(gone.key(), "provenance/raw/incoming/a b/ü.csv/v1.json");
        let text = String::from_utf8(gone.bytes()).unwrap();
        assert_eq!(
            text,
            "{\"state\":\"gone\",\"bucket\":\"raw\",\"key\":\"incoming/a b/ü.csv\",\"version_id\":\"v1\",\"etag\":\"e\",\
             \"size\":0,\"last_modified\":\"2025-11-23T14:05:09.000Z\",\"sequencer\":\"0055\",\
             \"recorded_at\":\"2025-11-23T14:05:09.007Z\"}\n"
        );
        assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), gone);
        assert_eq!(gone.entry().sha256, kit::names::sha256(text.as_bytes()));
    }

    #[test]
    fn what_is_not_the_receipt_of_a_version_has_a_place_of_its_own() {
        assert!(
            receipt(State::Deferred)
                .key()
                .ends_with("/v1.deferred.json")
        );
        let unknown = Receipt {
            version_id: String::new(),
            ..receipt(State::Gone)
        };
        assert!(unknown.key().ends_with("/unknown-0055.json"));
        assert_eq!(
            receipt(State::Hashed).key(),
            key_of("raw", "incoming/a b/ü.csv", "v1")
        );
    }

    /// Athena passes over files and folders whose names begin with a dot or an underscore.
    #[test]
    fn no_part_of_a_place_is_hidden_and_no_two_places_are_one() {
        for (key, place) in [
            (
                "incoming/_draft/.a",
                "provenance/raw/incoming/~_draft/~.a/~_v.json",
            ),
            ("~a//b/", "provenance/raw/~~a/~/b/~/~_v.json"),
            ("../../etc", "provenance/raw/~../~../etc/~_v.json"),
        ] {
            assert_eq!(key_of("raw", key, "_v"), place);
        }
        for (prefix, start) in [
            ("", "provenance/raw/"),
            ("incoming/", "provenance/raw/incoming/"),
            ("incoming/_dr", "provenance/raw/incoming/~_dr"),
            ("_in", "provenance/raw/~_in"),
            ("/", "provenance/raw/~/"),
        ] {
            assert_eq!(under("raw", prefix), start);
        }
        for part in ["/", "._/", "a"] {
            let longest = part.repeat(MAX_KEY / part.len());
            let receipt = key_of(&"b".repeat(63), &longest, &"v".repeat(32));
            assert!(
                receipt.starts_with(&under(&"b".repeat(63), &longest)),
                "{part}"
            );
        }
    }

    proptest! {
        #[test]
        fn receipts_of_a_prefix_lie_under_it(key in "[a._~/é]{1,12}", end in 0..12_usize, other in "[a._~/é]{1,12}") {
            let prefix = &key[..key.floor_char_boundary(end.min(key.len()))];
            prop_assert!(key_of("raw", &key, "v").starts_with(&under("raw", prefix)));
            prop_assert_eq!(key == other, key_of("raw", &key, "v") == key_of("raw", &other, "v"));
        }
    }
}
