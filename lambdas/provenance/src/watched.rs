//! Which object versions are recorded. Evidence is never recorded itself.

use serde::Deserialize;
use sluice_types::keys::{PROJECT_PREFIX, is_evidence};

/// A bucket whose object versions are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedBucket {
    /// Bucket name.
    pub bucket: String,
    /// Only keys with one of these prefixes are recorded; without prefixes, every key is.
    #[serde(default)]
    pub prefixes: Vec<String>,
}

/// What is done with an object version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is recorded.
    Record,
    /// It is not recorded, for this reason.
    Skip(&'static str),
    /// Its bucket is not watched.
    Unwatched,
}

/// What is done with an object version with this key and, if it is known, this size.
#[must_use]
pub fn classify(watched: &[WatchedBucket], bucket: &str, key: &str, size: Option<u64>) -> Disposition {
    let mut entries = watched.iter().filter(|entry| entry.bucket == bucket).peekable();
    if entries.peek().is_none() {
        return Disposition::Unwatched;
    }
    if is_evidence(key) {
        return Disposition::Skip("evidence itself");
    }
    if key.starts_with(PROJECT_PREFIX) {
        return Disposition::Skip("a file of the project itself");
    }
    let is_included = |entry: &WatchedBucket| {
        entry.prefixes.is_empty() || entry.prefixes.iter().any(|prefix| key.starts_with(prefix))
    };
    if !entries.any(is_included) {
        return Disposition::Skip("outside the watched prefixes");
    }
    if is_folder_marker(key, size) {
        return Disposition::Skip("a folder marker");
    }
    Disposition::Record
}

/// Whether an object is a folder marker, as consoles create it: an empty object whose key ends with `/`.
#[must_use]
pub fn is_folder_marker(key: &str, size: Option<u64>) -> bool {
    key.ends_with('/') && size == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The receipts bucket may be the data bucket.
    #[test]
    fn evidence_and_project_files_are_skipped() {
        let all = [WatchedBucket { bucket: "raw".into(), prefixes: Vec::new() }];
        for key in ["provenance/raw/a/v.json", "journal/x", "ledger/1", "_sluice/schema/1.json"] {
            assert!(matches!(classify(&all, "raw", key, None), Disposition::Skip(_)));
        }
        for key in ["a", "incoming/provenance/a", "provenance"] {
            assert_eq!(classify(&all, "raw", key, None), Disposition::Record);
        }
    }

    #[test]
    fn other_prefixes_and_folder_markers_are_skipped() {
        let watched = [WatchedBucket { bucket: "raw".into(), prefixes: vec!["incoming/".into(), "test/".into()] }];
        let disposition = |key: &str, size| classify(&watched, "raw", key, size);
        assert_eq!(disposition("test/a", None), Disposition::Record);
        assert_eq!(disposition("incoming/", Some(1)), Disposition::Record);
        assert!(matches!(disposition("incoming/", Some(0)), Disposition::Skip(_)));
        assert!(matches!(disposition("processed/a", None), Disposition::Skip(_)));
        assert_eq!(classify(&watched, "other", "incoming/a", None), Disposition::Unwatched);
    }
}
