//! `backfill`: announces versions that are in the processing bucket, as S3 would have. What has ended already is only
//! seen again.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use lambda_support::log::escape;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::System;
use crate::queue::{BATCH, Queues, name};
use crate::range::Range;
use crate::reconcile::{row, undecodable};
use crate::report::{Ended, Report, message};
use crate::store::Version;
use crate::time::rfc3339;
use crate::version_outcome::{Auditor, VersionOutcome};

/// Announces files that were there before, or whose events were lost; without --yes only counts them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice backfill --since 7d
  sluice backfill --since 2026-11-20 --until 2026-11-22 --yes
  sluice backfill --missing --yes

For an outage longer than the 24 hours that EventBridge retries, and for objects that were there before the pipeline.
Announcing one twice does no harm; cut off, run it again.
Exit code: 0 all counted or announced, also where nothing matches; 1 some could not be read or announced, 2 nothing could
be done.")]
pub struct Backfill {
    #[command(flatten)]
    range: Range,
    /// Only versions that have no outcome yet or were not moved to the end, as `reconcile` finds them; reads each
    #[arg(long)]
    missing: bool,
    /// Announce them; without it, only count
    #[arg(long)]
    yes: bool,
    /// At most RATE announcements a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Also name every version
    #[arg(long)]
    list: bool,
}

#[derive(Default)]
struct Counts {
    listed: u64,
    chosen: u64,
    bytes: u64,
    sent: u64,
    unreadable: u64,
    unknown: u64,
    stopped: bool,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be listed or announced at all.
pub async fn run(shared: &Shared, args: &Backfill, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Operator)).await?;
    let ingest = outputs.ingest()?;
    let mut work = Work {
        announcer: Announcer::new(&config, &outputs.region, &ingest.queue_url, args.rate),
        auditor: Arc::new(Auditor::new(&config, ingest)),
        args,
        counts: Counts::default(),
    };
    report.progress(if args.yes { "announcing" } else { "counting" }, None);
    if let Err(error) = work.all(report).await {
        if work.counts.listed == 0 || (args.yes && work.counts.sent == 0) {
            return Err(error);
        }
        work.counts.stopped = true;
        report.note(format_args!("stopped here, what follows was not looked at: {}", message(&error)));
    }
    Ok(work.total(report))
}

struct Work<'a> {
    announcer: Announcer,
    auditor: Arc<Auditor>,
    args: &'a Backfill,
    counts: Counts,
}

/// Announces versions to a queue, as EventBridge would, at a steady rate.
pub struct Announcer {
    queues: Queues,
    region: String,
    queue_url: String,
    pace: tokio::time::Interval,
}

impl Announcer {
    /// An announcer to this queue, of at most `rate` versions a second.
    #[must_use]
    pub fn new(config: &SdkConfig, region: &str, queue_url: &str, rate: u32) -> Self {
        Self {
            queues: Queues::new(config),
            region: region.to_owned(),
            queue_url: queue_url.to_owned(),
            pace: pace(rate),
        }
    }

    /// Announces up to [`BATCH`] versions of a bucket; returns how many the queue took.
    ///
    /// # Errors
    /// When it took none.
    pub async fn announce(&mut self, bucket: &str, versions: &[Version]) -> anyhow::Result<u64> {
        self.pace.tick().await;
        let events = versions.iter().map(|v| event(&self.region, bucket, v));
        let events: Vec<String> = events.map(|e| e.to_string()).collect();
        let bodies: Vec<&str> = events.iter().map(String::as_str).collect();
        let sent = self.queues.send(&self.queue_url, &bodies).await?;
        Ok(sent.len() as u64)
    }
}

/// The time that one full group may take.
fn every(rate: u32) -> Duration {
    Duration::from_secs(1) * u32::try_from(BATCH).unwrap_or(1) / rate
}

/// One tick for each group.
fn pace(rate: u32) -> tokio::time::Interval {
    let mut pace = interval(every(rate));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

impl Work<'_> {
    async fn all(&mut self, report: &Report) -> anyhow::Result<()> {
        let (bounds, auditor) = (self.args.range.bounds(), Arc::clone(&self.auditor));
        let mut pages = self.args.range.listing(&auditor.store, &auditor.ingest);
        while let Some(page) = pages.next().await? {
            let mut chosen: Vec<Version> = page.into_iter().filter(|v| bounds.hold(v)).collect();
            let listed = chosen.len() as u64;
            if self.args.missing {
                chosen = self.without_outcome(chosen, report).await?;
            }
            self.counts.listed += listed;
            for key in pages.take_undecodable() {
                self.counts.unknown += 1;
                undecodable(&key, report);
            }
            for group in chosen.chunks(BATCH) {
                self.group(group, report).await?;
            }
        }
        Ok(())
    }

    /// Those without an outcome; what could not be read is named and left alone.
    async fn without_outcome(&mut self, chosen: Vec<Version>, report: &Report) -> anyhow::Result<Vec<Version>> {
        let mut missing = Vec::new();
        for (version, outcome) in self.auditor.outcomes(chosen).await? {
            match outcome {
                // A refused version that is still here was not moved to its end; announced again, it is.
                VersionOutcome::Missing(_) | VersionOutcome::Refused => missing.push(version),
                outcome => {
                    self.counts.unreadable += u64::from(matches!(outcome, VersionOutcome::Unreadable(_)));
                    self.counts.unknown += u64::from(matches!(outcome, VersionOutcome::Unknown(_)));
                    row(&version, &outcome, false, report);
                }
            }
        }
        Ok(missing)
    }

    async fn group(&mut self, group: &[Version], report: &Report) -> anyhow::Result<()> {
        self.counts.chosen += group.len() as u64;
        self.counts.bytes += group.iter().map(|v| v.size).sum::<u64>();
        if self.args.yes {
            let bucket = &self.auditor.ingest.processing_bucket;
            self.counts.sent += self.announcer.announce(bucket, group).await?;
            report.mark_changed();
        }
        for version in group {
            report.tick();
            if self.args.list {
                named(version, report);
            }
        }
        Ok(())
    }

    fn total(&self, report: &Report) -> Ended {
        let counts = &self.counts;
        let json = json!({
            "versions": counts.chosen, "bytes": counts.bytes, "announced": counts.sent, "listed": counts.listed,
            "unreadable": counts.unreadable, "not_read": counts.unknown, "stopped": counts.stopped,
        });
        report.line(counts.text(self.args, name(&self.announcer.queue_url)), &json);
        let announced = !self.args.yes || counts.sent == counts.chosen;
        Ended::when(announced && counts.unknown == 0 && !counts.stopped)
    }
}

fn named(version: &Version, report: &Report) {
    let modified = rfc3339(version.modified);
    report.line(
        format_args!("{}  {}  {modified}  {} bytes", escape(&version.key), escape(&version.version_id), version.size),
        &json!({"key": version.key, "version_id": version.version_id, "modified": modified, "size": version.size}),
    );
}

impl Counts {
    fn text(&self, args: &Backfill, queue: &str) -> String {
        let queue = escape(queue);
        let Self { listed, chosen, bytes, sent, .. } = self;
        let mut text = match (listed, chosen) {
            (0, _) => "no version matches: nothing to announce".to_owned(),
            (_, 0) => {
                format!("none of {listed} versions is without an outcome: nothing to announce")
            }
            _ if args.yes => format!("{sent} of {chosen} announced to {queue}"),
            _ => format!("{chosen} to announce to {queue}, {bytes} bytes; --yes announces them"),
        };
        if args.yes && sent < chosen {
            text.push_str("; run it again for the rest");
        }
        if args.missing && *chosen > 0 && !args.yes {
            text.push_str("\nA file whose item was deleted from the table is among them, and would be stored again.");
        }
        if self.unreadable > 0 {
            text.push_str(&format!("\n{} cannot be read for good: not announced", self.unreadable));
        }
        if self.unknown > 0 {
            text.push_str(&format!(
                "\n{} could not be read: not announced, because it is not known whether they have an outcome",
                self.unknown
            ));
        }
        text
    }
}

/// The event that EventBridge would have handed to the queue.
fn event(region: &str, bucket: &str, version: &Version) -> Value {
    json!({
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": rfc3339(version.modified),
        "region": region,
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": version.key, "size": version.size, "etag": version.etag, "version-id": version.version_id},
            "reason": "Backfill",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_printed, harmless};
    use lambda_support::envelope::{Envelope, decode};

    #[test]
    fn an_announcement_is_read_as_an_event() {
        let version = Version {
            key: "a+b ü.json".into(),
            version_id: "v1".into(),
            size: 3,
            etag: Some("e".into()),
            modified: 0,
            latest: true,
            marker: false,
        };
        let Ok(Envelope::Arrivals(arrivals)) = decode(&event("eu-central-1", "in", &version).to_string()) else {
            panic!("not an event");
        };
        let arrival = &arrivals[0];
        assert_eq!((arrival.bucket.as_str(), arrival.key.as_str()), ("in", "a+b ü.json"));
        assert_eq!((arrival.version_id.as_deref(), arrival.size), (Some("v1"), Some(3)));
        assert_eq!(arrival.time.as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn a_named_version_is_harmless() {
        let version = Version {
            key: HOSTILE.into(),
            version_id: HOSTILE.into(),
            size: 3,
            etag: None,
            modified: 0,
            latest: true,
            marker: false,
        };
        harmless(1, |report| named(&version, report));
    }

    #[test]
    fn announcements_keep_the_pace() {
        assert_eq!(every(50), Duration::from_millis(200));
        assert_eq!(every(10_000), Duration::from_millis(1));
    }

    fn listed(key: &str) -> Version {
        Version {
            key: key.into(),
            version_id: "v1".into(),
            size: 3,
            etag: Some("e".into()),
            modified: 0,
            latest: true,
            marker: false,
        }
    }

    fn args(missing: bool, yes: bool) -> Backfill {
        let range = Range { prefix: None, since: None, until: None, current_only: false };
        Backfill { range, missing, yes, rate: 100, list: true }
    }

    #[tokio::test]
    async fn text_and_json_of_the_summary() {
        let config = crate::aws::tests::offline();
        let ingest = crate::outputs::tests::ingest();
        assert_printed("backfill", |report| {
            named(&listed("a.json"), report);
            for (missing, yes) in [(false, false), (false, true), (true, false), (true, true)] {
                for (listed, chosen, sent) in [(0, 0, 0), (3, 0, 0), (3, 2, 2), (3, 2, 1)] {
                    let args = args(missing, yes);
                    let counts = Counts {
                        listed,
                        chosen,
                        bytes: 7,
                        sent: if yes { sent } else { 0 },
                        unreadable: u64::from(missing),
                        unknown: u64::from(missing),
                        stopped: false,
                    };
                    let work = Work {
                        announcer: Announcer::new(&config, "r", "https://sqs/1/queue", 1),
                        auditor: Arc::new(Auditor::new(&config, &ingest)),
                        args: &args,
                        counts,
                    };
                    let ended = work.total(report);
                    report.line(format_args!("{}", ended == Ended::Done), &json!(ended == Ended::Done));
                }
            }
        });
    }
}
