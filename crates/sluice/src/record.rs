//! `provenance backfill`: versions without a receipt get one. They are announced to the function, which hashes them;
//! what it recorded without a hash is hashed here. What cannot be read is listed, and the rest goes on.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use lambda_support::journal::RECEIPTS;
use lambda_support::log::escape;
use lambda_support::time::Moment;
use provenance::hash::{Reader, hash};
use provenance::receipt::{Receipt, State, key_of};
use provenance::version::{Unread, Version, inspect};
use provenance::watch::{Concern, concern};
use provenance::write::{Written, announce, write};
use serde_json::json;

use crate::aws::{Role, session};
use crate::backfill::Announcer;
use crate::cli::Shared;
use crate::clock;
use crate::outputs::{Provenance as Names, System};
use crate::queue::{BATCH, name};
use crate::report::{Ended, Report};
use crate::store::{self, Store, place};
use crate::target::Target;
use crate::time::now;

/// The longest record that is read.
const MAX_RECORD: u64 = 64 * 1024;

/// Works with receipts
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice provenance backfill --yes")]
pub struct Provenance {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Backfill(Backfill),
}

/// Sees that versions without a receipt get one; without --yes only counts them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice provenance backfill
  sluice provenance backfill incoming/2025/ --yes

For objects that were there before, and for events that were lost. Versions are announced to the function; those that
it recorded without a hash, because they take too long or S3 refused them, are read and recorded here. Cut off, run it
again.
Exit code: 0 all counted, announced or recorded, 1 some were not, 2 nothing could be listed.")]
struct Backfill {
    /// s3://BUCKET/PREFIX, or the beginning of keys in the data bucket; default: all that is watched
    #[arg(value_name = "WHAT")]
    targets: Vec<String>,
    /// Announce and record; without it, only count
    #[arg(long)]
    yes: bool,
    /// Versions younger than this many seconds may still be on their way
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    grace: i64,
    /// At most RATE announcements a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Also name every version
    #[arg(long)]
    list: bool,
}

/// Runs the command.
///
/// # Errors
/// When a bucket cannot be listed or nothing can be written.
pub async fn run(shared: &Shared, args: &Provenance, report: &mut Report) -> anyhow::Result<Ended> {
    let Command::Backfill(args) = &args.command;
    let outputs = shared.from.read()?;
    let names = outputs.provenance()?;
    let targets = Target::several(&args.targets, names)?;
    let config = session(&outputs, System::Provenance, shared.role(Role::Operator)).await?;
    let mut work = Work {
        store: Store::new(&config),
        announcer: Announcer::new(&config, &outputs.region, &names.queue_url, args.rate),
        names,
        args,
        reader: Reader::new(),
        counts: Counts::default(),
    };
    if args.yes {
        work.agree().await?;
    }
    let mut errors = Vec::new();
    for target in &targets {
        if let Err(error) = work.target(target, report).await {
            work.unread(&format!("s3://{}/{}", target.bucket, target.prefix), &error, report);
            errors.push(error);
        }
    }
    match errors.pop() {
        Some(error) if work.counts.versions == 0 && errors.len() + 1 == targets.len() => Err(error),
        _ => Ok(work.total(report)),
    }
}

#[derive(Default)]
struct Counts {
    versions: u64,
    recorded: u64,
    young: u64,
    bytes: u64,
    missing: u64,
    deferred: u64,
    unreadable: u64,
    announced: u64,
    hashed: u64,
    refused: u64,
    unread: u64,
}

struct Work<'a> {
    store: Store,
    announcer: Announcer,
    names: &'a Names,
    args: &'a Backfill,
    reader: Arc<Reader>,
    counts: Counts,
}

impl Work<'_> {
    /// A record is dated by this machine's clock, and the ledger closes a period a minute after its end.
    async fn agree(&self) -> anyhow::Result<()> {
        clock::agree(&self.store.s3, &self.names.receipts_bucket, RECEIPTS).await
    }

    async fn target(&mut self, target: &Target, report: &mut Report) -> anyhow::Result<()> {
        report.progress("listing receipts", None);
        let mut there = HashSet::new();
        let mut pages = self.store.objects(&self.names.receipts_bucket, &target.receipts());
        while let Some(page) = pages.next().await? {
            there.extend(page);
            report.tick();
        }
        report.progress(if self.args.yes { "recording" } else { "counting" }, None);
        let young_from = now().saturating_sub(self.args.grace);
        let mut pages = self.store.versions(&target.bucket, &target.prefix);
        let mut unheard = Vec::new();
        while let Some(page) = pages.next().await? {
            for listed in page.into_iter().filter(|v| !v.marker) {
                let size = Some(listed.size);
                if concern(&self.names.watched, &target.bucket, &listed.key, size) != Concern::Record {
                    continue;
                }
                report.tick();
                self.counts.versions += 1;
                let version = version_of(&target.bucket, &listed);
                let recorded_as = |state| {
                    let key = Receipt::of(&version, None, state, Moment(0)).key();
                    there.contains(&key).then_some((state, key))
                };
                let incomplete = recorded_as(State::Deferred).or_else(|| recorded_as(State::Unreadable));
                if there.contains(&key_of(&target.bucket, &listed.key, &listed.version_id)) {
                    self.counts.recorded += 1;
                } else if let Some((state, record)) = incomplete {
                    self.incomplete(&version, state, &record, listed.size, report).await;
                } else if listed.modified > young_from {
                    self.counts.young += 1;
                } else {
                    self.tell(&version, listed.size, "no receipt", report);
                    self.counts.missing += 1;
                    self.counts.bytes += listed.size;
                    unheard.push(listed);
                }
                if unheard.len() == BATCH {
                    self.announce(&target.bucket, &mut unheard, report).await;
                }
            }
        }
        self.announce(&target.bucket, &mut unheard, report).await;
        Ok(())
    }

    /// Lists what could not be looked at or announced.
    fn unread(&mut self, what: &str, error: &anyhow::Error, report: &Report) {
        self.counts.unread += 1;
        let reason = format!("{error:#}");
        report.line(
            format_args!("unread  {}: {}", escape(what), escape(&reason)),
            &json!({"unread": what, "reason": reason}),
        );
    }

    fn tell(&self, version: &Version, size: u64, what: &str, report: &Report) {
        if self.args.list {
            let Version { bucket, key, version_id } = version;
            report.line(
                format_args!("{what}: s3://{bucket}/{} version {}  {size} bytes", escape(key), escape(version_id)),
                &json!({"bucket": bucket, "key": key, "version_id": version_id, "size": size, "what": what}),
            );
        }
    }

    async fn announce(&mut self, bucket: &str, unheard: &mut Vec<store::Version>, report: &Report) {
        if self.args.yes && !unheard.is_empty() {
            match self.announcer.announce(bucket, unheard).await {
                Ok(announced) => self.counts.announced += announced,
                Err(error) => {
                    let (first, others) = (escape(&unheard[0].key), unheard.len() - 1);
                    let what = format!("the announcement of {first} and {others} others");
                    self.unread(&what, &error, report);
                }
            }
        }
        unheard.clear();
    }

    /// A version that the function recorded without its hash: reads it here, where there is time.
    async fn incomplete(&mut self, version: &Version, state: State, record: &str, size: u64, report: &Report) {
        let (count, what) = match state {
            State::Unreadable => (&mut self.counts.unreadable, "refused by S3"),
            _ => (&mut self.counts.deferred, "put off by the function"),
        };
        *count += 1;
        self.counts.bytes += size;
        self.tell(version, size, what, report);
        if !self.args.yes {
            return;
        }
        match self.complete(version, record).await {
            Ok(None) => self.counts.hashed += 1,
            Ok(Some(reason)) => {
                self.counts.refused += 1;
                let Version { bucket, key, .. } = version;
                report.line(
                    format_args!("unreadable  s3://{bucket}/{}: S3 refuses it ({})", escape(key), escape(&reason)),
                    &json!({"unreadable": true, "bucket": bucket, "key": key, "version_id": version.version_id, "reason": reason}),
                );
            }
            Err(error) => self.unread(&format!("s3://{}/{}", version.bucket, version.key), &error, report),
        }
    }

    /// Reads the version, and completes what the function recorded; the reason if S3 refuses it for good.
    async fn complete(&self, version: &Version, record: &str) -> anyhow::Result<Option<String>> {
        let (s3, bucket) = (&self.store.s3, &self.names.receipts_bucket);
        let failed = |unread: Unread| {
            let place = place("read", &version.bucket, &version.key);
            anyhow!("cannot {place}: {}", unread.fault())
        };
        let put_off = self.store.read(bucket, record, None, MAX_RECORD).await?;
        let put_off = put_off.with_context(|| format!("`{}` went away", escape(record)))?;
        let put_off: Receipt =
            serde_json::from_slice(&put_off).with_context(|| format!("`{}` is not a record", escape(record)))?;
        let facts = match inspect(s3, version).await {
            Err(Unread::Refused { reason, .. }) => return Ok(Some(reason)),
            facts => facts.map_err(failed)?,
        };
        let sha256 = match hash(s3, version, &facts, &self.reader, |_| {}).await {
            Err(Unread::Refused { reason, .. }) => return Ok(Some(reason)),
            sha256 => sha256.map_err(failed)?,
        };
        self.agree().await?;
        let receipt = Receipt {
            sha256: Some(sha256),
            event_time: put_off.event_time,
            sequencer: put_off.sequencer,
            pinned_late: put_off.pinned_late,
            ..Receipt::of(version, Some(&facts), State::Hashed, Moment::now())
        };
        announce(s3, bucket, &receipt.entry()).await?;
        let (Written::Now | Written::Before) = write(s3, bucket, receipt.key(), receipt.bytes()).await?;
        Ok(None)
    }

    fn total(&self, report: &Report) -> Ended {
        let Counts {
            versions,
            recorded,
            young,
            bytes,
            missing,
            deferred,
            unreadable,
            announced,
            hashed,
            refused,
            unread,
        } = self.counts;
        let json = json!({"versions": versions, "recorded": recorded, "young": young, "missing": missing,
            "deferred": deferred, "unreadable": unreadable, "bytes": bytes, "announced": announced, "hashed": hashed,
            "refused": refused, "unread": unread});
        let queue = name(&self.names.queue_url);
        let seen = format!("{versions} versions, {recorded} with a receipt, {young} young");
        let incomplete = deferred + unreadable;
        if unread > 0 {
            report.note(format_args!(
                "{unread} could not be read or announced and are listed as `unread`: run this again when the reason has ended"
            ));
        }
        if self.args.yes {
            let done = format!(
                "{announced} of {missing} announced to {queue}, {hashed} of {incomplete} hashed here, {refused} refused by S3"
            );
            report.line(format_args!("{seen}; {done}"), &json);
            let all = announced == missing && hashed + refused == incomplete;
            return Ended::when(all && unread == 0);
        }
        let hint = if missing + incomplete > 0 { "; --yes does it" } else { "" };
        let left = format!("{missing} to announce to {queue}, {incomplete} to hash here, {bytes} bytes");
        report.line(format_args!("{seen}; {left}{hint}"), &json);
        Ended::when(unread == 0)
    }
}

fn version_of(bucket: &str, listed: &store::Version) -> Version {
    Version { bucket: bucket.to_owned(), key: listed.key.clone(), version_id: listed.version_id.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::assert_printed;

    #[tokio::test]
    async fn text_and_json_of_versions_and_summary() {
        let config = crate::aws::tests::offline();
        let outputs = crate::outputs::tests::outputs();
        let names = outputs.provenance().unwrap();
        let version = Version { bucket: "raw".into(), key: "incoming/a".into(), version_id: "v".into() };
        assert_printed("provenance-backfill", |report| {
            for (yes, open) in [(false, 0), (false, 2), (true, 2), (true, 0)] {
                let args = Backfill { targets: Vec::new(), yes, grace: 300, rate: 100, list: true };
                let mut work = Work {
                    store: Store::new(&config),
                    announcer: Announcer::new(&config, "r", "https://sqs/1/queue", 1),
                    names,
                    args: &args,
                    reader: Reader::new(),
                    counts: Counts {
                        versions: 5,
                        recorded: 3,
                        missing: open,
                        deferred: open,
                        bytes: 7,
                        ..Counts::default()
                    },
                };
                work.tell(&version, 3, "no receipt", report);
                work.unread("what", &anyhow!("why"), report);
                let ended = work.total(report);
                report.line(format_args!("{}", ended == Ended::Done), &json!(ended == Ended::Done));
                work.counts.announced = open;
                work.counts.hashed = open;
                work.counts.unread = 0;
                let ended = work.total(report);
                report.line(format_args!("{}", ended == Ended::Done), &json!(ended == Ended::Done));
            }
        });
    }
}
