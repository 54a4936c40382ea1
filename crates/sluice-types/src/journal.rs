//! The journal: an entry for each record, written before the record.
//!
//! Every writer first puts a [`JournalEntry`], then the record, both dated with the record's `recorded_at`. When no
//! writer of a period can still be running, every record of that period therefore has an entry, and the ledger finds
//! the records by listing the period instead of the whole bucket.

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::keys::JOURNAL_PREFIX;
use crate::timestamp::Timestamp;

/// Announces a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The record's key.
    #[serde(rename = "receipt")]
    pub record_key: String,
    /// SHA-256 of the record's bytes, hexadecimal.
    pub sha256: String,
    /// When the record was written; the record has the same time.
    pub recorded_at: Timestamp,
}

impl JournalEntry {
    /// The entry of a record with this key and these bytes.
    #[must_use]
    pub fn new(record_key: String, record_bytes: &[u8], recorded_at: Timestamp) -> Self {
        Self { record_key, sha256: sha256(record_bytes), recorded_at }
    }

    /// Its own key: ordered by time, and the same each time the entry is written.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}{}.json", Self::key_prefix(self.recorded_at), self.sha256)
    }

    /// The prefix of the keys of all entries of this time, for `StartAfter` of a listing.
    #[must_use]
    pub fn key_prefix(recorded_at: Timestamp) -> String {
        format!("{JOURNAL_PREFIX}{}/", recorded_at.to_string().replace(':', "-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_time() {
        let recorded_at = Timestamp::from_millis(1_763_906_709_007);
        let entry = JournalEntry::new("provenance/b/k/v.json".into(), b"{}", recorded_at);
        assert!(entry.key().starts_with("journal/2025-11-23T14-05-09.007Z/44136fa3"));
        let later = JournalEntry { recorded_at: recorded_at.plus_millis(1), ..entry.clone() };
        assert!(entry.key() < later.key());
        assert!(entry.key() > JournalEntry::key_prefix(entry.recorded_at));
        assert!(entry.key() < JournalEntry::key_prefix(later.recorded_at));
    }
}
