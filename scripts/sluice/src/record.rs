//! `provenance backfill`: versions without a receipt get one. The function hashes what it is told of, as ever; what is
//! too long for it is hashed here.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use kit::journal::RECEIPTS;
use kit::log::escape;
use kit::time::Moment;
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
it put off because they take too long are read and recorded here. Cut off, run it again.
Exit code: 0 all counted, announced or recorded, 1 some were not.")]
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
    for target in &targets {
        work.target(target, report).await?;
    }
    Ok(work.total(report))
}

#[derive(Default)]
struct Counts {
    versions: u64,
    recorded: u64,
    young: u64,
    bytes: u64,
    missing: u64,
    deferred: u64,
    announced: u64,
    hashed: u64,
    failed: u64,
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
        let mut pages = self
            .store
            .objects(&self.names.receipts_bucket, &target.receipts());
        while let Some(page) = pages.next().await? {
            there.extend(page);
            report.tick();
        }
        report.progress(
            if self.args.yes {
                "recording"
            } else {
                "counting"
            },
            None,
        );
        let young_from = now().saturating_sub(self.args.grace);
        let mut pages = self.store.versions(&target.bucket, &target.prefix);
        let mut unheard = Vec::new();
        while let Some(page) = pages.next().await? {
            for listed in page.into_iter().filter(|v| !v.marker) {
                let size = Some(listed.size);
                if concern(&self.names.watched, &target.bucket, &listed.key, size)
                    != Concern::Record
                {
                    continue;
                }
                report.tick();
                self.counts.versions += 1;
                let version = version_of(&target.bucket, &listed);
                let deferred = Receipt::of(&version, None, State::Deferred, Moment(0)).key();
                if there.contains(&key_of(&target.bucket, &listed.key, &listed.version_id)) {
                    self.counts.recorded += 1;
                } else if there.contains(&deferred) {
                    self.deferred(&version, &deferred, listed.size, report)
                        .await;
                } else if listed.modified > young_from {
                    self.counts.young += 1;
                } else {
                    self.tell(&version, listed.size, "no receipt", report);
                    self.counts.missing += 1;
                    self.counts.bytes += listed.size;
                    unheard.push(listed);
                }
                if unheard.len() == BATCH {
                    self.announce(&target.bucket, &mut unheard).await?;
                }
            }
        }
        self.announce(&target.bucket, &mut unheard).await
    }

    fn tell(&self, version: &Version, size: u64, what: &str, report: &Report) {
        if self.args.list {
            let Version {
                bucket,
                key,
                version_id,
            } = version;
            report.line(
                format_args!("{what}: s3://{bucket}/{} version {version_id}  {size} bytes", escape(key)),
                &json!({"bucket": bucket, "key": key, "version_id": version_id, "size": size, "what": what}),
            );
        }
    }

    async fn announce(
        &mut self,
        bucket: &str,
        unheard: &mut Vec<store::Version>,
    ) -> anyhow::Result<()> {
        if self.args.yes && !unheard.is_empty() {
            self.counts.announced += self.announcer.announce(bucket, unheard).await?;
        }
        unheard.clear();
        Ok(())
    }

    async fn deferred(&mut self, version: &Version, record: &str, size: u64, report: &Report) {
        self.counts.deferred += 1;
        self.counts.bytes += size;
        self.tell(version, size, "put off by the function", report);
        if !self.args.yes {
            return;
        }
        match self.complete(version, record).await {
            Ok(()) => self.counts.hashed += 1,
            Err(error) => {
                self.counts.failed += 1;
                report.note(format_args!("{error:#}"));
            }
        }
    }

    /// Reads the version, and records what the function put off.
    async fn complete(&self, version: &Version, record: &str) -> anyhow::Result<()> {
        let (s3, bucket) = (&self.store.s3, &self.names.receipts_bucket);
        let failed = |unread: Unread| match unread {
            Unread::Absent(fault) | Unread::Refused { fault, .. } | Unread::Fault(fault) => {
                anyhow!(
                    "cannot {}: {fault}",
                    place("read", &version.bucket, &version.key)
                )
            }
        };
        let put_off = self.store.read(bucket, record, None, MAX_RECORD).await?;
        let put_off = put_off.with_context(|| format!("`{}` went away", escape(record)))?;
        let put_off: Receipt = serde_json::from_slice(&put_off)
            .with_context(|| format!("`{}` is no record", escape(record)))?;
        let facts = inspect(s3, version).await.map_err(failed)?;
        let sha256 = hash(s3, version, &facts, &self.reader, |_| {})
            .await
            .map_err(failed)?;
        self.agree().await?;
        let receipt = Receipt {
            sha256: Some(sha256),
            event_time: put_off.event_time,
            sequencer: put_off.sequencer,
            pinned_late: put_off.pinned_late,
            ..Receipt::of(version, Some(&facts), State::Hashed, Moment::now())
        };
        announce(s3, bucket, &receipt.entry()).await?;
        let (Written::Now | Written::Before) =
            write(s3, bucket, receipt.key(), receipt.bytes()).await?;
        Ok(())
    }

    fn total(&self, report: &Report) -> Ended {
        let Counts {
            versions,
            recorded,
            young,
            bytes,
            missing,
            deferred,
            announced,
            hashed,
            failed,
        } = self.counts;
        let json = json!({"versions": versions, "recorded": recorded, "young": young, "missing": missing,
            "deferred": deferred, "bytes": bytes, "announced": announced, "hashed": hashed, "failed": failed});
        let queue = name(&self.names.queue_url);
        let seen = format!("{versions} versions, {recorded} with a receipt, {young} young");
        if self.args.yes {
            let done = format!(
                "{announced} of {missing} announced to {queue}, {hashed} of {deferred} hashed here"
            );
            report.line(format_args!("{seen}; {done}"), &json);
            return Ended::when(announced == missing && hashed == deferred);
        }
        let hint = if missing + deferred > 0 {
            "; --yes does it"
        } else {
            ""
        };
        let left =
            format!("{missing} to announce to {queue}, {deferred} to hash here, {bytes} bytes");
        report.line(format_args!("{seen}; {left}{hint}"), &json);
        Ended::Done
    }
}

fn version_of(bucket: &str, listed: &store::Version) -> Version {
    Version {
        bucket: bucket.to_owned(),
        key: listed.key.clone(),
        version_id: listed.version_id.clone(),
    }
}
