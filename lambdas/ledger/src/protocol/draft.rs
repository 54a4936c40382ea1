//! The manifest of a period while its records are collected.

use std::collections::HashSet;

use sluice_types::digest::sha256;
use sluice_types::manifest::{self, Predicate, ResourceDescriptor, Statement};
use sluice_types::{JournalEntry, RecordKind, Timestamp};

use crate::effect::Body;
use crate::head::Head;

/// The records of a period, as far as they have been collected.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Draft {
    /// The end of the period.
    pub(super) to: Timestamp,
    /// Records that exist with the bytes of their journal entry.
    present: Vec<ResourceDescriptor>,
    /// Records that do not, and journal keys whose object is not a valid entry.
    absent: Vec<ResourceDescriptor>,
}

/// A page of journal keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct JournalPage {
    pub(super) keys: Vec<String>,
    /// Whether the period may have further keys.
    pub(super) more: bool,
}

impl JournalPage {
    /// Removes the keys of entries after the end of a period.
    pub(super) fn truncate(mut self, to: Timestamp) -> Self {
        let end = JournalEntry::key_prefix(to.plus_millis(1));
        let in_period = self.keys.partition_point(|key| *key < end);
        self.more &= in_period == self.keys.len();
        self.keys.truncate(in_period);
        self
    }
}

impl Draft {
    pub(super) fn new(to: Timestamp) -> Self {
        Self { to, present: Vec::new(), absent: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.present.len() + self.absent.len()
    }

    /// Returns the valid entries of a page; lists the keys of the others.
    pub(super) fn add_entries(&mut self, page: &JournalPage, bodies: &[Option<Body>]) -> Vec<JournalEntry> {
        let mut entries = Vec::with_capacity(bodies.len());
        for (key, body) in page.keys.iter().zip(bodies) {
            match body.as_ref().and_then(|body| parse_entry(key, &body.bytes)) {
                Some(entry) => entries.push(entry),
                None => {
                    let digest = body.as_ref().map_or_else(|| sha256(b""), |body| body.sha256.clone());
                    self.absent.push(ResourceDescriptor::new(key, digest));
                }
            }
        }
        entries
    }

    /// Lists the records of `entries`, whose objects are `bodies`.
    pub(super) fn add_records(&mut self, entries: Vec<JournalEntry>, bodies: &[Option<Body>]) {
        for (entry, body) in entries.into_iter().zip(bodies) {
            let exists = body.as_ref().is_some_and(|body| body.sha256 == entry.sha256);
            let record = ResourceDescriptor::new(entry.record_key, entry.sha256);
            if exists {
                self.present.push(record);
            } else {
                self.absent.push(record);
            }
        }
    }

    /// Ends the period at the last time whose entries start at this journal key or before it.
    pub(super) fn end_at_key(&mut self, key: &str) {
        let (mut low, mut high) = (0, self.to.as_millis());
        while low < high {
            let middle = low.midpoint(high) + 1;
            if JournalEntry::key_prefix(Timestamp::from_millis(middle)).as_str() <= key {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        self.to = Timestamp::from_millis(low);
    }

    /// The statement of the manifest after `head`.
    pub(super) fn into_statement(self, head: Option<&Head>, signing_key: &str) -> Statement {
        // A record with two journal entries for the same bytes exists, and is listed once.
        let present: HashSet<&ResourceDescriptor> = self.present.iter().collect();
        let absent = self.absent.iter().filter(|record| !present.contains(record));
        let predicate = Predicate {
            sequence: head.map_or(1, |head| head.sequence + 1),
            from: head.map(|head| head.to),
            to: self.to,
            previous: head.map(|head| ResourceDescriptor::new(manifest::key(head.sequence), &head.sha256)),
            announced: absent.cloned().collect(),
            key: signing_key.to_owned(),
        };
        Statement::new(self.present, predicate)
    }
}

/// The journal entry in an object with this key, if it is valid: it belongs under this key and is about a record.
fn parse_entry(key: &str, bytes: &[u8]) -> Option<JournalEntry> {
    let entry: JournalEntry = serde_json::from_slice(bytes).ok()?;
    (entry.key() == key && RecordKind::of(&entry.record_key).is_some()).then_some(entry)
}
