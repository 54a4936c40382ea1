//! The object version that an item, a reason record or a notice is about.

use serde::{Deserialize, Serialize};
use sluice_types::ObjectVersion;

/// An object version of the processing bucket with what is known about it, in the JSON form of reason records and notices.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The version.
    #[serde(flatten)]
    pub version: ObjectVersion,
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

impl From<ObjectVersion> for Source {
    /// A version about which nothing else is known.
    fn from(version: ObjectVersion) -> Self {
        Self { version, etag: None, size: None, sha256: None, sequencer: None }
    }
}
