//! The object version that an item, a reason record or a notice is about.

use serde::{Deserialize, Serialize};

/// An object version of the processing bucket, as reason records and notices describe it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Bucket name.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Version-id.
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
    /// The sequencer of the S3 event, which orders the events of one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
}

impl Source {
    /// A version of which only the identity is known.
    #[must_use]
    pub fn new(bucket: &str, key: &str, version_id: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: version_id.to_owned(),
            etag: None,
            size: None,
            sha256: None,
            sequencer: None,
        }
    }

    /// Whether both are the same version of the same object.
    #[must_use]
    pub fn same_version(&self, other: &Self) -> bool {
        self.bucket == other.bucket && self.key == other.key && self.version_id == other.version_id
    }
}
