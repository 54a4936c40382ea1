//! The file that the smoke test puts.

pub(super) struct TestFile {
    pub(super) bucket: String,
    pub(super) key: String,
    /// Empty if the bucket is not versioned.
    pub(super) version_id: String,
    /// Hexadecimal.
    pub(super) sha256: String,
    /// When it was put, in seconds since 1970.
    pub(super) at: i64,
}
