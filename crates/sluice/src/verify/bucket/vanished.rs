//! Versions that were there when the bucket was listed, and gone when they were to be read.

use std::collections::HashSet;

use super::Compare;
use crate::report::Report;
use crate::verify::moved;
use crate::verify::outcome::Outcome;
use crate::verify::versions::{Bytes, Unmatched, Work, compared};

impl Compare<'_> {
    /// Versions that were listed and gone when they were to be read: the ingest moves what it refuses at any time. Returns
    /// how many copies in quarantine could not be read.
    pub(super) async fn vanished(&self, works: &[Work], outcome: &mut Outcome, report: &Report) -> anyhow::Result<u64> {
        let receipts = works.iter().filter_map(|work| {
            let kept = self.evidence.kept.get(&work.evidence)?;
            Some((work.evidence.as_str(), &kept.receipt))
        });
        let receipts: Unmatched<'_> = receipts.collect();
        let copies = match self.ingest {
            Some(ingest) => moved::among(&receipts, self.store, ingest, self.args.jobs).await?,
            None => moved::Copies::default(),
        };
        let unread: HashSet<&str> = copies.unread.iter().map(|(key, _)| *key).collect();
        for work in works {
            let key = work.evidence.as_str();
            if !copies.moved.contains(key) && !unread.contains(key) {
                outcome.tell(compared(work, &Bytes::Gone).as_slice(), report);
            }
        }
        for (key, reason) in &copies.unread {
            outcome.unread(key, reason, report);
        }
        outcome.few("moved meanwhile", copies.moved.len() as u64);
        Ok(copies.unread.len() as u64)
    }
}
