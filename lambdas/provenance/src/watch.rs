//! Which arrivals are recorded: the guard against recording the records.

use serde::Deserialize;
use sluice_types::keys::is_evidence;

/// Where the project keeps its own files in anybody's bucket, such as the ingest's schema.
const OWN: &str = "_sluice/";

/// A bucket whose object versions are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// Bucket name.
    pub bucket: String,
    /// Keys outside of all of them are not recorded; none means every key.
    #[serde(default)]
    pub prefixes: Vec<String>,
}

/// What an arrival is to this function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// It is recorded.
    Record,
    /// It is not, and why.
    Skip(&'static str),
    /// It is of a bucket that is not watched.
    Foreign,
}

/// What an object of this key and, if it is known, this size is to a function that watches these buckets.
#[must_use]
pub fn concern(watched: &[Watched], bucket: &str, key: &str, size: Option<u64>) -> Concern {
    let mut entries = watched.iter().filter(|w| w.bucket == bucket).peekable();
    if entries.peek().is_none() {
        return Concern::Foreign;
    }
    if is_evidence(key) {
        return Concern::Skip("evidence itself");
    }
    if key.starts_with(OWN) {
        return Concern::Skip("a file of the project itself");
    }
    let under = |w: &Watched| w.prefixes.is_empty() || w.prefixes.iter().any(|p| key.starts_with(p));
    if !entries.any(under) {
        return Concern::Skip("outside the watched prefixes");
    }
    if is_marker(key, size) {
        return Concern::Skip("a folder marker");
    }
    Concern::Record
}

/// What consoles put to show a folder: a key that ends in `/`, with no bytes.
#[must_use]
pub fn is_marker(key: &str, size: Option<u64>) -> bool {
    key.ends_with('/') && size == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 001.12, and section 3: the receipts bucket may be the data bucket.
    #[test]
    fn records_are_never_recorded() {
        let all = [Watched { bucket: "raw".into(), prefixes: Vec::new() }];
        for key in ["provenance/raw/a/v.json", "journal/x", "ledger/1", "_sluice/schema/1.json"] {
            assert!(matches!(concern(&all, "raw", key, None), Concern::Skip(_)));
        }
        for key in ["a", "incoming/provenance/a", "provenance"] {
            assert_eq!(concern(&all, "raw", key, None), Concern::Record);
        }
    }

    #[test]
    fn prefixes_and_markers() {
        let some = [Watched { bucket: "raw".into(), prefixes: vec!["incoming/".into(), "test/".into()] }];
        let of = |key: &str, size| concern(&some, "raw", key, size);
        assert_eq!(of("test/a", None), Concern::Record);
        assert_eq!(of("incoming/", Some(1)), Concern::Record);
        assert!(matches!(of("incoming/", Some(0)), Concern::Skip(_)));
        assert!(matches!(of("processed/a", None), Concern::Skip(_)));
        assert_eq!(concern(&some, "other", "incoming/a", None), Concern::Foreign);
    }
}
