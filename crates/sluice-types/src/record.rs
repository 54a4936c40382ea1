//! Records: the evidence about an object version or an operator's action.

use serde::Serialize;

use crate::journal::JournalEntry;
use crate::keys::{OPERATOR_PREFIX, RECEIPTS_PREFIX};
use crate::timestamp::Timestamp;

/// What a record describes. The ledger lists records of every kind; the keys of each kind have their own prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// A receipt of an object version.
    Object,
    /// An operator's action on an object version or a queue.
    Operator,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Object, Self::Operator];

    /// The prefix of the keys of this kind's records.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Object => RECEIPTS_PREFIX,
            Self::Operator => OPERATOR_PREFIX,
        }
    }

    /// The kind of the record with this key; `None` if it is not the key of a record.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| key.starts_with(kind.prefix()))
    }
}

/// A record: one flat JSON object on one line, written once under its own key and never changed.
pub trait Record: Serialize {
    /// Its key in the receipts bucket.
    fn record_key(&self) -> String;

    /// When it was recorded. Its journal entry has the same time.
    fn recorded_at(&self) -> Timestamp;

    /// Its bytes: one line of JSON, the same each time it is written.
    fn bytes(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// The journal entry that is written before it.
    fn journal_entry(&self) -> JournalEntry {
        JournalEntry::new(self.record_key(), &self.bytes(), self.recorded_at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_key_determines_the_kind() {
        assert_eq!(RecordKind::of("provenance/b/k/v.json"), Some(RecordKind::Object));
        assert_eq!(RecordKind::of("operator/b/k/v.remove.json"), Some(RecordKind::Operator));
        for key in ["journal/1", "ledger/1", "operator", "a/operator/b"] {
            assert_eq!(RecordKind::of(key), None, "{key}");
        }
    }
}
