//! `provenance backfill`: creates missing receipts. Events of versions without a receipt are replayed, and the function
//! hashes them; versions that the function recorded without a hash are hashed here. Versions that cannot be read are
//! printed, and the run continues.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use lambda_support::log::escape;
use provenance::hash::{Reader, hash};
use provenance::inspect::{ReadError, inspect};
use provenance::record_writer::{WriteResult, write_journal_entry, write_record};
use provenance::watched::{Disposition, classify};
use serde_json::json;
use sluice_types::keys::RECEIPTS_PREFIX;
use sluice_types::receipt::receipt_key;
use sluice_types::{ListedVersion, ObjectVersion, Receipt, ReceiptState, Record as _, Timestamp};

use crate::aws::s3::{Store, action_on};
use crate::aws::s3_listing::modified_seconds;
use crate::aws::server_clock;
use crate::aws::session::{Role, session};
use crate::aws::sqs::{MAX_BATCH, queue_name};
use crate::event_replay::EventReplayer;
use crate::globals::Globals;
use crate::key_selection::KeySelection;
use crate::outputs::{Provenance as Names, System};
use crate::report::{ExitStatus, Report};
use crate::time::now;

/// The limit on a receipt, in bytes.
const MAX_RECEIPT: u64 = 64 * 1024;

/// Creates missing receipts
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice provenance backfill --yes")]
pub(crate) struct ProvenanceArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Backfill(BackfillArgs),
}

/// Creates receipts of versions that have none; without --yes only counts them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice provenance backfill
  sluice provenance backfill incoming/2025/ --yes

Use it for objects that are older than the deployment, and for lost events. The events are replayed to the function.
Versions that the function recorded without a hash, because they take too long or S3 refused them, are read and recorded
here. If interrupted, run it again.
Exit code: 0 all counted, replayed or recorded, 1 some were not, 2 usage or environment error.")]
struct BackfillArgs {
    /// s3://BUCKET/PREFIX, or a key prefix in the data bucket [default: everything that is watched]
    #[arg(value_name = "WHAT")]
    targets: Vec<String>,
    /// Replay and record; without it, only count
    #[arg(long)]
    yes: bool,
    /// Versions younger than this may still be waiting to be recorded
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    grace: i64,
    /// Replay at most RATE events per second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Also print every version
    #[arg(long)]
    list: bool,
}

pub(crate) async fn run(globals: &Globals, args: &ProvenanceArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let Command::Backfill(args) = &args.command;
    let outputs = globals.outputs.read()?;
    let names = outputs.provenance()?;
    let selections = KeySelection::parse_all(&args.targets, names)?;
    let config = session(&outputs, System::Provenance, globals.role_or(Role::Operator)).await?;
    let mut backfill = ProvenanceBackfill {
        store: Store::new(&config),
        replayer: EventReplayer::new(&config, &outputs.region, &names.queue_url, args.rate),
        names,
        args,
        reader: Reader::new(),
        counts: ProvenanceCounts::default(),
    };
    if args.yes {
        backfill.check_clock().await?;
    }
    let mut errors = Vec::new();
    for selection in &selections {
        if let Err(error) = backfill.process_selection(selection, report).await {
            backfill.print_unread(&format!("s3://{}/{}", selection.bucket, selection.prefix), &error, report);
            errors.push(error);
        }
    }
    match errors.pop() {
        Some(error) if backfill.counts.versions == 0 && errors.len() + 1 == selections.len() => Err(error),
        _ => Ok(backfill.print_summary(report)),
    }
}

#[derive(Default, Clone)]
struct ProvenanceCounts {
    versions: u64,
    /// Versions with a receipt.
    recorded: u64,
    /// Versions without a receipt that are younger than the grace period.
    young: u64,
    /// Size of the versions to replay or to hash.
    bytes: u64,
    /// Other versions without a receipt.
    missing: u64,
    /// Versions that the function recorded without a hash, because they take too long.
    deferred: u64,
    /// Versions that the function recorded without a hash, because S3 refused them.
    unreadable: u64,
    /// Events sent to the function.
    replayed: u64,
    hashed: u64,
    /// Versions that S3 refused again.
    refused: u64,
    /// Versions that could not be read, and batches that could not be sent.
    unread: u64,
}

struct ProvenanceBackfill<'a> {
    store: Store,
    replayer: EventReplayer,
    names: &'a Names,
    args: &'a BackfillArgs,
    reader: Arc<Reader>,
    counts: ProvenanceCounts,
}

impl ProvenanceBackfill<'_> {
    /// Checks this machine's clock: it dates the receipts, and the ledger closes a period one minute after its end.
    async fn check_clock(&self) -> anyhow::Result<()> {
        server_clock::check(&self.store.s3, &self.names.receipts_bucket, RECEIPTS_PREFIX).await
    }

    async fn process_selection(&mut self, selection: &KeySelection, report: &mut Report) -> anyhow::Result<()> {
        let receipt_keys = self.list_receipts(selection, report).await?;
        report.progress(if self.args.yes { "recording" } else { "counting" }, None);
        let young_from = now().saturating_sub(self.args.grace);
        let mut pages = self.store.versions(&selection.bucket, &selection.prefix);
        let mut to_replay = Vec::new();
        while let Some(page) = pages.next().await? {
            for listed in page.into_iter().filter(|v| !v.is_delete_marker) {
                if classify(&self.names.watched, &selection.bucket, &listed.version.key, Some(listed.attributes.size))
                    != Disposition::Record
                {
                    continue;
                }
                report.tick();
                self.counts.versions += 1;
                let version = &listed.version;
                if receipt_keys.contains(&receipt_key(version)) {
                    self.counts.recorded += 1;
                } else if let Some((state, receipt_key)) = incomplete_receipt(&receipt_keys, version) {
                    self.process_incomplete(version, state, &receipt_key, listed.attributes.size, report).await;
                } else if modified_seconds(&listed) > young_from {
                    self.counts.young += 1;
                } else {
                    self.print_version(version, listed.attributes.size, "no receipt", report);
                    self.counts.missing += 1;
                    self.counts.bytes += listed.attributes.size;
                    to_replay.push(listed);
                }
                if to_replay.len() == MAX_BATCH {
                    self.replay(&mut to_replay, report).await;
                }
            }
        }
        self.replay(&mut to_replay, report).await;
        Ok(())
    }

    async fn list_receipts(&self, selection: &KeySelection, report: &mut Report) -> anyhow::Result<HashSet<String>> {
        report.progress("listing receipts", None);
        let mut receipt_keys = HashSet::new();
        let mut pages = self.store.objects(&self.names.receipts_bucket, &selection.receipt_prefix());
        while let Some(page) = pages.next().await? {
            receipt_keys.extend(page);
            report.tick();
        }
        Ok(receipt_keys)
    }

    /// Prints what could not be read or replayed.
    fn print_unread(&mut self, what: &str, error: &anyhow::Error, report: &Report) {
        self.counts.unread += 1;
        let reason = format!("{error:#}");
        report.line(
            format_args!("unread  {}: {}", escape(what), escape(&reason)),
            &json!({"unread": what, "reason": reason}),
        );
    }

    fn print_version(&self, version: &ObjectVersion, size: u64, what: &str, report: &Report) {
        if self.args.list {
            let ObjectVersion { bucket, key, version_id } = version;
            report.line(
                format_args!("{what}: s3://{bucket}/{} version {}  {size} bytes", escape(key), escape(version_id)),
                &json!({"bucket": bucket, "key": key, "version_id": version_id, "size": size, "what": what}),
            );
        }
    }

    async fn replay(&mut self, to_replay: &mut Vec<ListedVersion>, report: &Report) {
        if self.args.yes && !to_replay.is_empty() {
            match self.replayer.replay(to_replay).await {
                Ok(replayed) => self.counts.replayed += replayed,
                Err(error) => {
                    let (first, others) = (escape(&to_replay[0].version.key), to_replay.len() - 1);
                    self.print_unread(&format!("the events of {first} and {others} others"), &error, report);
                }
            }
        }
        to_replay.clear();
    }

    /// Hashes a version that the function recorded without its hash; here it is not limited by the function's timeout.
    async fn process_incomplete(
        &mut self,
        version: &ObjectVersion,
        state: ReceiptState,
        receipt_key: &str,
        size: u64,
        report: &Report,
    ) {
        let (count, what) = match state {
            ReceiptState::Unreadable => (&mut self.counts.unreadable, "refused by S3"),
            _ => (&mut self.counts.deferred, "deferred by the function"),
        };
        *count += 1;
        self.counts.bytes += size;
        self.print_version(version, size, what, report);
        if !self.args.yes {
            return;
        }
        match self.complete_receipt(version, receipt_key).await {
            Ok(None) => self.counts.hashed += 1,
            Ok(Some(reason)) => {
                self.counts.refused += 1;
                let ObjectVersion { bucket, key, version_id } = version;
                report.line(
                    format_args!("unreadable  s3://{bucket}/{}: S3 refuses it ({})", escape(key), escape(&reason)),
                    &json!({
                        "unreadable": true, "bucket": bucket, "key": key, "version_id": version_id, "reason": reason,
                    }),
                );
            }
            Err(error) => self.print_unread(&format!("s3://{}/{}", version.bucket, version.key), &error, report),
        }
    }

    /// Reads the version and writes its complete receipt. Returns the error code if S3 permanently refuses the version.
    async fn complete_receipt(&self, version: &ObjectVersion, receipt_key: &str) -> anyhow::Result<Option<String>> {
        let (s3, bucket) = (&self.store.s3, &self.names.receipts_bucket);
        let failure = |error: ReadError| {
            anyhow!("cannot {}: {}", action_on("read", &version.bucket, &version.key), error.fault())
        };
        let incomplete = self.read_receipt(receipt_key).await?;
        let facts = match inspect(s3, version).await {
            Err(ReadError::Refused { code, .. }) => return Ok(Some(code)),
            facts => facts.map_err(failure)?,
        };
        let sha256 = match hash(s3, version, &facts, &self.reader, |_| {}).await {
            Err(ReadError::Refused { code, .. }) => return Ok(Some(code)),
            sha256 => sha256.map_err(failure)?,
        };
        self.check_clock().await?;
        let receipt = Receipt {
            sha256: Some(sha256),
            event_time: incomplete.event_time,
            sequencer: incomplete.sequencer,
            pinned_late: incomplete.pinned_late,
            ..Receipt::new(version, Some(&facts), ReceiptState::Hashed, Timestamp::now())
        };
        write_journal_entry(s3, bucket, &receipt.journal_entry()).await?;
        let (WriteResult::Created | WriteResult::AlreadyExists) =
            write_record(s3, bucket, receipt.record_key(), receipt.bytes()).await?;
        Ok(None)
    }

    async fn read_receipt(&self, receipt_key: &str) -> anyhow::Result<Receipt> {
        let found = self.store.read(&self.names.receipts_bucket, receipt_key, None, MAX_RECEIPT).await?;
        let shown_key = escape(receipt_key);
        let bytes = found.with_context(|| format!("`{shown_key}` was deleted: run this again"))?;
        serde_json::from_slice(&bytes).with_context(|| format!("`{shown_key}` is not a valid receipt"))
    }

    fn print_summary(&self, report: &Report) -> ExitStatus {
        let ProvenanceCounts { versions, recorded, young, bytes, missing, replayed, hashed, refused, unread, .. } =
            self.counts.clone();
        let queue = queue_name(&self.names.queue_url);
        let seen = format!("{versions} versions, {recorded} with a receipt, {young} young");
        let incomplete = self.counts.deferred + self.counts.unreadable;
        if unread > 0 {
            report.note(format_args!(
                "{unread} could not be read or replayed and are printed as `unread`: fix the cause, then run this again"
            ));
        }
        if self.args.yes {
            let done = format!(
                "{replayed} of {missing} events sent to {queue}, {hashed} of {incomplete} hashed here, {refused} refused by S3"
            );
            report.line(format_args!("{seen}; {done}"), &self.counts.json());
            let is_complete = replayed == missing && hashed + refused == incomplete;
            return ExitStatus::success_if(is_complete && unread == 0);
        }
        let hint = if missing + incomplete > 0 { "; --yes does it" } else { "" };
        let remaining = format!("{missing} events to send to {queue}, {incomplete} to hash here, {bytes} bytes");
        report.line(format_args!("{seen}; {remaining}{hint}"), &self.counts.json());
        ExitStatus::success_if(unread == 0)
    }
}

impl ProvenanceCounts {
    fn json(&self) -> serde_json::Value {
        json!({
            "versions": self.versions, "recorded": self.recorded, "young": self.young, "missing": self.missing,
            "deferred": self.deferred, "unreadable": self.unreadable, "bytes": self.bytes,
            "announced": self.replayed, "hashed": self.hashed, "refused": self.refused, "unread": self.unread,
        })
    }
}

/// The state and the key of a version's receipt without a hash, if it has one.
fn incomplete_receipt(receipt_keys: &HashSet<String>, version: &ObjectVersion) -> Option<(ReceiptState, String)> {
    [ReceiptState::Deferred, ReceiptState::Unreadable].into_iter().find_map(|state| {
        let key = Receipt::new(version, None, state, Timestamp::UNIX_EPOCH).record_key();
        receipt_keys.contains(&key).then_some((state, key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::assert_printed;

    #[tokio::test]
    async fn text_and_json_of_versions_and_summary() {
        let config = crate::aws::session::tests::offline();
        let outputs = crate::outputs::tests::outputs();
        let names = outputs.provenance().unwrap();
        let version = ObjectVersion { bucket: "raw".into(), key: "incoming/a".into(), version_id: "v".into() };
        assert_printed("provenance-backfill", |report| {
            for (yes, open) in [(false, 0), (false, 2), (true, 2), (true, 0)] {
                let args = BackfillArgs { targets: Vec::new(), yes, grace: 300, rate: 100, list: true };
                let mut backfill = ProvenanceBackfill {
                    store: Store::new(&config),
                    replayer: EventReplayer::new(&config, "r", "https://sqs/1/queue", 1),
                    names,
                    args: &args,
                    reader: Reader::new(),
                    counts: ProvenanceCounts {
                        versions: 5,
                        recorded: 3,
                        missing: open,
                        deferred: open,
                        bytes: 7,
                        ..ProvenanceCounts::default()
                    },
                };
                backfill.print_version(&version, 3, "no receipt", report);
                backfill.print_unread("what", &anyhow!("why"), report);
                let status = backfill.print_summary(report);
                report.line(format_args!("{}", status == ExitStatus::Success), &json!(status == ExitStatus::Success));
                backfill.counts.replayed = open;
                backfill.counts.hashed = open;
                backfill.counts.unread = 0;
                let status = backfill.print_summary(report);
                report.line(format_args!("{}", status == ExitStatus::Success), &json!(status == ExitStatus::Success));
            }
        });
    }
}
