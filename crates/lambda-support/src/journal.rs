//! The journal of records: what is about to be recorded, announced before it is.
//!
//! Every writer of a record first puts an [`Entry`] in the journal, then the record, both dated with the record's
//! `recorded_at`. So at the moment when no writer of a period can still be at work, every record of the period has an
//! entry, and the ledger finds them by listing a period instead of everything.

use serde::{Deserialize, Serialize};

use crate::names::sha256;
use crate::time::Moment;

/// Where receipts are, mirroring the keys of what they are about.
pub const RECEIPTS: &str = "provenance/";
/// Where operator records are, mirroring the keys of what they are about.
pub const OPERATOR: &str = "operator/";
/// Where entries are, in order of time.
pub const JOURNAL: &str = "journal/";
/// Where manifests are, in order of their sequence numbers.
pub const LEDGER: &str = "ledger/";

/// What a record is about. The ledger lists records of every kind; each kind has a prefix of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// An object version: its receipt.
    Object,
    /// What an operator did to an object version or a queue.
    Operator,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Object, Self::Operator];

    /// What the keys of its records begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Object => RECEIPTS,
            Self::Operator => OPERATOR,
        }
    }

    /// The kind of the record with this key; none if the key is not one of a record.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| key.starts_with(k.prefix()))
    }
}

/// Whether a key is in one of the places that hold evidence, and so is never itself recorded.
#[must_use]
pub fn is_evidence(key: &str) -> bool {
    RecordKind::of(key).is_some() || [JOURNAL, LEDGER].iter().any(|p| key.starts_with(p))
}

/// The announcement of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The record's key.
    pub receipt: String,
    /// SHA-256 of the record's bytes, hexadecimal.
    pub sha256: String,
    /// When it was recorded; the record says the same.
    pub recorded_at: Moment,
}

impl Entry {
    /// Announces these bytes under this key.
    #[must_use]
    pub fn new(receipt: String, bytes: &[u8], recorded_at: Moment) -> Self {
        Self { receipt, sha256: sha256(bytes), recorded_at }
    }

    /// Its own key: the same for the same announcement, and sorted by time.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}{}.json", Self::folder(self.recorded_at), self.sha256)
    }

    /// What the keys of all entries of this moment begin with; for `StartAfter` of a listing.
    #[must_use]
    pub fn folder(at: Moment) -> String {
        format!("{JOURNAL}{}/", at.to_string().replace(':', "-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_time() {
        let entry = Entry::new("provenance/b/k/v.json".into(), b"{}", Moment(1_763_906_709_007));
        assert!(entry.key().starts_with("journal/2025-11-23T14-05-09.007Z/44136fa3"));
        let later = Entry { recorded_at: Moment(1_763_906_709_008), ..entry.clone() };
        assert!(entry.key() < later.key());
        assert!(entry.key() > Entry::folder(entry.recorded_at) && entry.key() < Entry::folder(later.recorded_at));
        assert!(is_evidence(&entry.key()) && is_evidence(&entry.receipt) && !is_evidence("incoming/ledger/1"));
    }

    #[test]
    fn records_are_told_by_their_prefix() {
        assert_eq!(RecordKind::of("provenance/b/k/v.json"), Some(RecordKind::Object));
        assert_eq!(RecordKind::of("operator/b/k/v.remove.json"), Some(RecordKind::Operator));
        for key in ["journal/1", "ledger/1", "operator", "a/operator/b"] {
            assert_eq!(RecordKind::of(key), None, "{key}");
        }
        assert!(is_evidence("operator/b/k/v.remove.json") && !is_evidence("operators"));
    }
}
