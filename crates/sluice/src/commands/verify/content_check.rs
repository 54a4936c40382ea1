//! Reads versions and compares their bytes with their receipts.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, stream};
use provenance::hash::Reader;

use super::bucket_evidence;
use super::evidence::Evidence;
use super::quarantine_copies::{self, QuarantineCopies};
use super::resume_file::ResumeFile;
use super::summary::Summary;
use super::versions::{ContentStatus, PendingRead, UnmatchedReceipts, content_finding};
use crate::aws::s3::Store;
use crate::outputs::Ingest;
use crate::report::Report;

/// How many parts of long versions are read concurrently, their size in bytes, and how long a part may stall.
const MAX_CONCURRENT_PARTS: usize = 16;
const PART_SIZE: u64 = 4 << 20;
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct ContentCheck<'a> {
    pub(super) store: &'a Store,
    pub(super) ingest: Option<&'a Ingest>,
    pub(super) evidence: &'a Evidence<'a>,
    /// How many versions are read concurrently.
    pub(super) jobs: u16,
    /// The file of versions that an interrupted run verified.
    pub(super) resume: Option<&'a Path>,
}

/// What the reads have found so far.
#[derive(Default)]
struct ReadResults {
    read: u64,
    unread: u64,
    /// Versions that were listed and then deleted.
    vanished: Vec<PendingRead>,
}

impl ContentCheck<'_> {
    /// Reads the versions and prints the findings.
    pub(super) async fn run(
        &self,
        pending_reads: Vec<PendingRead>,
        summary: &mut Summary,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut resume_file = self.resume.map(ResumeFile::open).transpose()?;
        let total = pending_reads.len();
        let is_verified = |pending: &PendingRead| resume_file.as_ref().is_some_and(|file| file.contains(pending));
        let remaining: Vec<PendingRead> = pending_reads.into_iter().filter(|p| !is_verified(p)).collect();
        summary.count_if_nonzero("read earlier", (total - remaining.len()) as u64);
        let bytes = remaining.iter().map(|pending| pending.size).sum();
        report.progress_bytes("reading versions", bytes);
        let mut results = self.read_all(remaining, resume_file.as_mut(), summary, report).await?;
        results.unread += self.print_vanished(&results.vanished, summary, report).await?;
        summary.count("read", results.read);
        summary.count_if_nonzero("not read", results.unread);
        summary.count("bytes", bytes);
        match resume_file {
            // If some versions could not be read, the next run continues with them.
            Some(resume_file) if results.unread == 0 => resume_file.remove(),
            _ => Ok(()),
        }
    }

    async fn read_all(
        &self,
        pending_reads: Vec<PendingRead>,
        mut resume_file: Option<&mut ResumeFile>,
        summary: &mut Summary,
        report: &Report,
    ) -> anyhow::Result<ReadResults> {
        let reader = Reader::with(MAX_CONCURRENT_PARTS, PART_SIZE, STALL_TIMEOUT);
        // One task for each version, because hashing keeps a processor busy.
        let read = |pending: PendingRead| {
            let (store, reader, advance) = (self.store.clone(), Arc::clone(&reader), report.advance());
            tokio::spawn(async move {
                let status = bucket_evidence::compare_content(&store, &pending, &reader, advance).await;
                (pending, status)
            })
        };
        let mut reads = stream::iter(pending_reads).map(read).buffer_unordered(usize::from(self.jobs));
        let mut results = ReadResults::default();
        while let Some(finished) = reads.next().await {
            let (pending, status) = finished.context("an internal task failed")?;
            match status {
                Ok(ContentStatus::Gone) => results.vanished.push(pending),
                Ok(status) => {
                    results.read += 1;
                    let finding = content_finding(&pending, &status);
                    summary.print_findings(finding.as_slice(), report);
                    if let (None, Some(resume_file)) = (finding, &mut resume_file) {
                        resume_file.add(&pending)?;
                    }
                }
                Err(error) => {
                    results.unread += 1;
                    summary.print_unread_version(&pending.version, &format!("{error:#}"), report);
                }
            }
        }
        Ok(results)
    }

    /// Prints versions that were listed and deleted before they were read, except for those that the ingest moved to
    /// quarantine. Returns how many copies in quarantine could not be read.
    async fn print_vanished(
        &self,
        vanished: &[PendingRead],
        summary: &mut Summary,
        report: &Report,
    ) -> anyhow::Result<u64> {
        let receipts: UnmatchedReceipts<'_> = vanished
            .iter()
            .filter_map(|pending| {
                let checked = self.evidence.receipts.get(&pending.receipt_key)?;
                Some((pending.receipt_key.as_str(), &checked.receipt))
            })
            .collect();
        let copies = match self.ingest {
            Some(ingest) => quarantine_copies::find(&receipts, self.store, ingest, self.jobs).await?,
            None => QuarantineCopies::default(),
        };
        let unread: HashSet<&str> = copies.unread.iter().map(|(key, _)| *key).collect();
        for pending in vanished {
            let key = pending.receipt_key.as_str();
            if !copies.moved.contains(key) && !unread.contains(key) {
                summary.print_findings(content_finding(pending, &ContentStatus::Gone).as_slice(), report);
            }
        }
        for (key, reason) in &copies.unread {
            summary.print_unread(key, reason, report);
        }
        summary.count_if_nonzero("moved meanwhile", copies.moved.len() as u64);
        Ok(copies.unread.len() as u64)
    }
}
