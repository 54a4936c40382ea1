//! `quarantine list`: what was refused and why, one line a version.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context;
use ingest::record::Reason;
use lambda_support::log::escape;
use serde_json::json;
use tokio::task::JoinHandle;

use super::stems::{Stem, Stems};
use super::{Found, NO_RECORD, Record, SURELY_WHOLE, Ward};
use crate::reconcile::undecodable;
use crate::report::{Ended, Report, message};

/// Reason records that are read at the same time.
const MAX_CONCURRENT_READS: usize = 16;

/// Lists what is in quarantine, with the reason
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine list --prefix albums/
  sluice quarantine list --format json | jq -r '.reasons[]?.path' | sort | uniq -c

The last line is the summary: the versions that are counted, and how many reason records could not be read.
Exit code: 0 all listed, 1 some could not be read, 2 nothing could be listed.")]
pub struct List {
    /// Only keys that begin with PREFIX
    #[arg(long, default_value = "", value_name = "PREFIX")]
    prefix: String,
}

type Reading = (Stem, JoinHandle<anyhow::Result<Record>>);

/// The list under way.
struct Work<'a> {
    ward: Arc<Ward>,
    prefix: &'a str,
    reading: VecDeque<Reading>,
    count: u64,
    unread: u64,
}

pub(super) async fn run(ward: &Ward, args: &List, report: &Report) -> anyhow::Result<Ended> {
    let prefix = if args.prefix.is_empty() { &ward.ingest.prefix } else { &args.prefix };
    let mut work = Work { ward: Arc::new(ward.clone()), prefix, reading: VecDeque::new(), count: 0, unread: 0 };
    let stopped = match work.all(report).await {
        Ok(()) => false,
        Err(error) if work.count == 0 => return Err(error),
        Err(error) => {
            report.note(format_args!("stopped here, what follows was not listed: {}", message(&error)));
            true
        }
    };
    let (count, unread) = (work.count, work.unread);
    let also = match unread {
        0 => String::new(),
        _ => format!("; {unread} could not be read, see above"),
    };
    report.line(
        format_args!("{count} in quarantine bucket {}{also}", escape(ward.bucket())),
        &json!({"bucket": ward.bucket(), "count": count, "not_read": unread, "stopped": stopped}),
    );
    Ok(Ended::when(unread == 0 && !stopped))
}

impl Work<'_> {
    async fn all(&mut self, report: &Report) -> anyhow::Result<()> {
        let ward = Arc::clone(&self.ward);
        let beginning = &self.prefix[..self.prefix.floor_char_boundary(SURELY_WHOLE)];
        let mut pages = ward.store.objects(ward.bucket(), beginning);
        let mut stems = Stems::default();
        while let Some(page) = pages.next().await? {
            for stem in page.into_iter().flat_map(|key| stems.push(key)) {
                self.start(stem);
                if self.reading.len() >= MAX_CONCURRENT_READS {
                    self.next(report).await?;
                }
            }
            for key in pages.take_undecodable() {
                self.unread += 1;
                undecodable(&key, report);
            }
        }
        for stem in stems.finish() {
            self.start(stem);
        }
        while !self.reading.is_empty() {
            self.next(report).await?;
        }
        Ok(())
    }

    fn start(&mut self, stem: Stem) {
        let (ward, asked) = (Arc::clone(&self.ward), stem.clone());
        let handle = tokio::spawn(async move { ward.record(&asked).await });
        self.reading.push_back((stem, handle));
    }

    /// Shows the one that was started first, so that the order stays.
    async fn next(&mut self, report: &Report) -> anyhow::Result<()> {
        let Some((stem, handle)) = self.reading.pop_front() else {
            return Ok(());
        };
        let record = handle.await.context("a task of this program failed")??;
        let found = Found { stem, record };
        if !found.identity().0.starts_with(self.prefix) {
            return Ok(());
        }
        self.count += 1;
        match &found.record {
            Record::Readable(reason) => told(&found.stem, reason, report),
            Record::Absent => bare(&found.stem, NO_RECORD, report),
            Record::Unreadable(why) => {
                self.unread += 1;
                let why = format!("its reason record cannot be read: {why}");
                bare(&found.stem, &why, report);
            }
        }
        Ok(())
    }
}

/// A version of which only the keys in quarantine are known.
fn bare(stem: &Stem, why: &str, report: &Report) {
    let (key, version) = stem.by_key();
    report.line(
        format_args!("{}  {}  unknown  {why}", escape(key), escape(version)),
        &json!({
            "key": null, "version_id": null, "by_its_key": {"key": key, "version_id": version}, "end": null, "why": why,
            "copy_key": stem.copy_key, "copy": stem.copy,
        }),
    );
}

fn told(stem: &Stem, reason: &Reason, report: &Report) {
    let first = reason.reasons.first();
    let first = first.map_or(String::new(), |p| {
        let gap = if p.path.is_empty() { "" } else { " " };
        format!("  {}{gap}{}", escape(&p.path), escape(&p.message))
    });
    let more = reason.reasons.len().saturating_sub(1);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    let (source, end) = (&reason.source, reason.end.name());
    report.line(
        format_args!(
            "{}  {}  {end}  {}{first}{more}",
            escape(&source.key),
            escape(&source.version_id),
            escape(&reason.quarantined_at)
        ),
        &json!({
            "key": source.key, "version_id": source.version_id, "end": end, "reasons": reason.reasons,
            "quarantined_at": reason.quarantined_at, "copy_key": stem.copy_key, "copy": stem.copy,
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::stems::source;
    use crate::report::testing::{HOSTILE, assert_printed, harmless};
    use ingest::record::{End, Problem};

    #[test]
    fn rows_are_harmless() {
        let reason = Reason {
            end: End::Invalid,
            reasons: vec![Problem::new(HOSTILE, HOSTILE, HOSTILE)],
            source: source(HOSTILE, HOSTILE, HOSTILE),
            other: None,
            quarantined_at: HOSTILE.into(),
            request_id: None,
        };
        let stem = Stem { copy_key: format!("{HOSTILE}/{HOSTILE}"), copy: true, reason: true };
        harmless(1, |report| told(&stem, &reason, report));
        harmless(1, |report| bare(&stem, NO_RECORD, report));
    }

    #[test]
    fn text_and_json_of_rows() {
        let problem = Problem::new("/a", "rule", "message");
        assert_printed("quarantine-list", |report| {
            for reasons in [vec![], vec![Problem::new("", "rule", "message")], vec![problem.clone(), problem.clone()]] {
                let reason = Reason {
                    end: End::Invalid,
                    reasons,
                    source: source("in", "k.json", "v"),
                    other: None,
                    quarantined_at: "2026-11-23T08:00:00Z".into(),
                    request_id: None,
                };
                let stem = Stem { copy_key: "k.json/v".into(), copy: true, reason: true };
                told(&stem, &reason, report);
            }
            let stem = Stem { copy_key: "k.json/v".into(), copy: true, reason: false };
            bare(&stem, NO_RECORD, report);
        });
    }
}
