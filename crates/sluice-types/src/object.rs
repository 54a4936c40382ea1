//! Object versions and what S3 reports about them.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// The largest object that one `CopyObject` call can copy, in bytes.
pub const MAX_COPY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Identifies one version of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// Bucket name.
    pub bucket: String,
    /// Key, decoded.
    pub key: String,
    /// Version-id; `null` in a bucket without versioning, empty while it is not known.
    pub version_id: String,
}

/// What S3 reports about an object version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ObjectAttributes {
    /// Size in bytes.
    pub size: u64,
    /// ETag without quotes.
    pub etag: Option<String>,
    /// When the version was created.
    pub last_modified: Option<Timestamp>,
    /// The checksums that S3 stores, the preferred one first; empty where they were not requested.
    pub checksums: Vec<Checksum>,
}

/// A checksum that S3 stores with an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checksum {
    /// S3's name of the algorithm, for example `CRC64NVME`.
    pub algorithm: &'static str,
    /// `FULL_OBJECT` or `COMPOSITE`, where S3 says which.
    pub kind: Option<String>,
    /// Base64, as S3 reports it.
    pub value: String,
}

/// An entry of a `ListObjectVersions` page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedVersion {
    /// The version.
    pub version: ObjectVersion,
    /// Size, ETag and time; a delete marker has size 0 and no ETag.
    pub attributes: ObjectAttributes,
    /// Whether it is the current version of its key.
    pub is_latest: bool,
    /// Whether it is a delete marker.
    pub is_delete_marker: bool,
}
