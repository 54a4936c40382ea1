//! The file that the smoke test puts.

use sluice_types::ObjectVersion;

pub(super) struct TestFile {
    /// Its version-id is empty if the bucket is not versioned.
    pub(super) version: ObjectVersion,
    /// Hexadecimal.
    pub(super) sha256: String,
    /// When it was put, in seconds since 1970.
    pub(super) at: i64,
}
