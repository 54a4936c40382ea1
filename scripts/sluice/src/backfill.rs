//! `backfill`: announces versions that are in the processing bucket, as S3 would have. What has ended already is only
//! seen again.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use kit::log::escape;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::System;
use crate::queue::{BATCH, Queues, name};
use crate::range::Range;
use crate::reconcile::{Auditor, End};
use crate::report::{Ended, Report};
use crate::store::{Store, Version};
use crate::time::rfc3339;

/// Announces files that were there before, or whose events were lost; without --yes only counts them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice backfill --since 7d
  sluice backfill --since 2026-11-20 --until 2026-11-22 --yes
  sluice backfill --missing --yes

For an outage longer than the 24 hours that EventBridge retries, and for objects that were there before the pipeline.
Announcing one twice does no harm; cut off, run it again.
Exit code: 0 all counted or announced.")]
pub struct Backfill {
    #[command(flatten)]
    range: Range,
    /// Only versions that have no end yet, as `reconcile` finds them; reads each
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
    chosen: u64,
    bytes: u64,
    sent: u64,
}

/// Runs the command.
///
/// # Errors
/// When the bucket cannot be listed or the queue does not take the events.
pub async fn run(shared: &Shared, args: &Backfill, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Operator)).await?;
    let ingest = outputs.ingest()?;
    let store = Store::new(&config);
    let auditor = args
        .missing
        .then(|| Arc::new(Auditor::new(&config, ingest)));
    let (bounds, mut pages) = (args.range.bounds(), args.range.listing(&store, ingest));
    let mut work = Work {
        announcer: Announcer::new(&config, &outputs.region, &ingest.queue_url, args.rate),
        bucket: &ingest.processing_bucket,
        counts: Counts::default(),
    };
    report.progress(if args.yes { "announcing" } else { "counting" }, None);
    while let Some(page) = pages.next().await? {
        let mut chosen: Vec<Version> = page.into_iter().filter(|v| bounds.hold(v)).collect();
        if let Some(auditor) = &auditor {
            chosen = without_end(auditor, chosen).await?;
        }
        for group in chosen.chunks(BATCH) {
            work.group(group, args, report).await?;
        }
    }
    Ok(work.total(args, report))
}

async fn without_end(auditor: &Arc<Auditor>, chosen: Vec<Version>) -> anyhow::Result<Vec<Version>> {
    let judged = auditor.judge_all(chosen).await?;
    Ok(judged
        .into_iter()
        .filter(|(_, end)| *end == End::None)
        .map(|(v, _)| v)
        .collect())
}

struct Work<'a> {
    announcer: Announcer,
    bucket: &'a str,
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
    async fn group(
        &mut self,
        group: &[Version],
        args: &Backfill,
        report: &Report,
    ) -> anyhow::Result<()> {
        self.counts.chosen += group.len() as u64;
        self.counts.bytes += group.iter().map(|v| v.size).sum::<u64>();
        if args.yes {
            self.counts.sent += self.announcer.announce(self.bucket, group).await?;
        }
        for version in group {
            report.tick();
            if args.list {
                let modified = rfc3339(version.modified);
                report.line(
                    format_args!("{}  {}  {modified}  {} bytes", escape(&version.key), version.version_id, version.size),
                    &json!({"key": version.key, "version_id": version.version_id, "modified": modified, "size": version.size}),
                );
            }
        }
        Ok(())
    }

    fn total(&self, args: &Backfill, report: &Report) -> Ended {
        let Counts {
            chosen,
            bytes,
            sent,
        } = self.counts;
        let json = json!({"versions": chosen, "bytes": bytes, "announced": sent});
        let queue = name(&self.announcer.queue_url);
        if args.yes {
            report.line(
                format_args!("{sent} of {chosen} announced to {queue}"),
                &json,
            );
            return Ended::when(sent == chosen);
        }
        let hint = if chosen > 0 {
            "; --yes announces them"
        } else {
            ""
        };
        report.line(
            format_args!("{chosen} to announce to {queue}, {bytes} bytes{hint}"),
            &json,
        );
        Ended::Done
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
    use kit::envelope::{Envelope, decode};

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
        let Ok(Envelope::Arrivals(arrivals)) =
            decode(&event("eu-central-1", "in", &version).to_string())
        else {
            panic!("not an event");
        };
        let arrival = &arrivals[0];
        assert_eq!(
            (arrival.bucket.as_str(), arrival.key.as_str()),
            ("in", "a+b ü.json")
        );
        assert_eq!(
            (arrival.version_id.as_deref(), arrival.size),
            (Some("v1"), Some(3))
        );
        assert_eq!(arrival.time.as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn announcements_keep_the_pace() {
        assert_eq!(every(50), Duration::from_millis(200));
        assert_eq!(every(10_000), Duration::from_millis(1));
    }
}
