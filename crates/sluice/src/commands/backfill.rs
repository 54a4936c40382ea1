//! `backfill`: replays the events of versions in the processing bucket. The function recognises versions that have an
//! outcome already.

use std::sync::Arc;

use lambda_support::log::escape;
use serde_json::json;
use sluice_types::{ListedVersion, ObjectVersion};

use crate::aws::s3_listing::modified_seconds;
use crate::aws::session::{Role, session};
use crate::aws::sqs::{MAX_BATCH, queue_name};
use crate::event_replay::EventReplayer;
use crate::globals::Globals;
use crate::outputs::System;
use crate::report::{ExitStatus, Report, message};
use crate::time::rfc3339;
use crate::version_audit::report::{print_outcome, print_undecodable_key};
use crate::version_audit::{Auditor, VersionOutcome};
use crate::version_selection::VersionSelectionArgs;

/// Replays the events of existing files, or of files whose events were lost; without --yes only counts them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice backfill --since 7d
  sluice backfill --since 2026-11-20 --until 2026-11-22 --yes
  sluice backfill --missing --yes

Use it after an outage longer than the 24 hours that EventBridge retries, and for objects that are older than the
pipeline. Replaying an event twice is harmless. If interrupted, run it again.
Exit code: 0 all counted or replayed, or nothing matches; 1 some could not be read or replayed; 2 usage or environment
error.")]
pub(crate) struct BackfillArgs {
    #[command(flatten)]
    selection: VersionSelectionArgs,
    /// Only versions without an outcome, or whose move to quarantine is incomplete, as `reconcile` finds them; reads each
    /// version
    #[arg(long)]
    missing: bool,
    /// Replay the events; without it, only count them
    #[arg(long)]
    yes: bool,
    /// Replay at most RATE events per second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Also print every version
    #[arg(long)]
    list: bool,
}

#[derive(Default)]
struct BackfillCounts {
    /// Versions that the selection matches.
    listed: u64,
    /// Of these, the versions to replay.
    selected: u64,
    /// Size of the versions to replay.
    bytes: u64,
    replayed: u64,
    /// Permanently unreadable versions.
    unreadable: u64,
    /// Versions whose outcome could not be determined.
    unknown: u64,
    /// Whether an error ended the run early.
    stopped: bool,
}

pub(crate) async fn run(globals: &Globals, args: &BackfillArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let outputs = globals.outputs.read()?;
    let config = session(&outputs, System::Ingest, globals.role_or(Role::Operator)).await?;
    let ingest = outputs.ingest()?;
    let mut backfill = Backfill {
        replayer: EventReplayer::new(&config, &outputs.region, &ingest.queue_url, args.rate),
        auditor: Arc::new(Auditor::new(&config, ingest)),
        args,
        counts: BackfillCounts::default(),
    };
    report.progress(if args.yes { "replaying" } else { "counting" }, None);
    if let Err(error) = backfill.replay_all(report).await {
        if backfill.counts.listed == 0 || (args.yes && backfill.counts.replayed == 0) {
            return Err(error);
        }
        backfill.counts.stopped = true;
        report.note(format_args!("stopped here, the rest was not processed: {}", message(&error)));
    }
    Ok(backfill.print_summary(report))
}

struct Backfill<'a> {
    replayer: EventReplayer,
    auditor: Arc<Auditor>,
    args: &'a BackfillArgs,
    counts: BackfillCounts,
}

impl Backfill<'_> {
    async fn replay_all(&mut self, report: &Report) -> anyhow::Result<()> {
        let (filter, auditor) = (self.args.selection.filter(), Arc::clone(&self.auditor));
        let mut pages = self.args.selection.listing(&auditor.store, &auditor.ingest);
        while let Some(page) = pages.next().await? {
            let mut selected: Vec<ListedVersion> = page.into_iter().filter(|v| filter.matches(v)).collect();
            let listed = selected.len() as u64;
            if self.args.missing {
                selected = self.without_outcome(selected, report).await?;
            }
            self.counts.listed += listed;
            for key in pages.take_undecodable() {
                self.counts.unknown += 1;
                print_undecodable_key(&key, report);
            }
            for batch in selected.chunks(MAX_BATCH) {
                self.replay_batch(batch, report).await?;
            }
        }
        Ok(())
    }

    /// The versions without an outcome. Versions that could not be read are printed and left out.
    async fn without_outcome(
        &mut self,
        selected: Vec<ListedVersion>,
        report: &Report,
    ) -> anyhow::Result<Vec<ListedVersion>> {
        let mut missing = Vec::new();
        for (listed, outcome) in self.auditor.outcomes(selected).await? {
            match outcome {
                // A replayed event makes the function complete an incomplete move.
                VersionOutcome::Missing(_) | VersionOutcome::Refused => missing.push(listed),
                outcome => {
                    self.counts.unreadable += u64::from(matches!(outcome, VersionOutcome::Unreadable(_)));
                    self.counts.unknown += u64::from(matches!(outcome, VersionOutcome::Unknown(_)));
                    print_outcome(&listed, &outcome, false, report);
                }
            }
        }
        Ok(missing)
    }

    async fn replay_batch(&mut self, batch: &[ListedVersion], report: &Report) -> anyhow::Result<()> {
        self.counts.selected += batch.len() as u64;
        self.counts.bytes += batch.iter().map(|v| v.attributes.size).sum::<u64>();
        if self.args.yes {
            self.counts.replayed += self.replayer.replay(batch).await?;
            report.mark_changed();
        }
        for listed in batch {
            report.tick();
            if self.args.list {
                print_version(listed, report);
            }
        }
        Ok(())
    }

    fn print_summary(&self, report: &Report) -> ExitStatus {
        let counts = &self.counts;
        let json = json!({
            "versions": counts.selected, "bytes": counts.bytes, "announced": counts.replayed, "listed": counts.listed,
            "unreadable": counts.unreadable, "not_read": counts.unknown, "stopped": counts.stopped,
        });
        report.line(counts.text(self.args, queue_name(self.replayer.queue_url())), &json);
        let all_replayed = !self.args.yes || counts.replayed == counts.selected;
        ExitStatus::success_if(all_replayed && counts.unknown == 0 && !counts.stopped)
    }
}

fn print_version(listed: &ListedVersion, report: &Report) {
    let (ObjectVersion { key, version_id, .. }, size) = (&listed.version, listed.attributes.size);
    let modified = rfc3339(modified_seconds(listed));
    report.line(
        format_args!("{}  {}  {modified}  {size} bytes", escape(key), escape(version_id)),
        &json!({"key": key, "version_id": version_id, "modified": modified, "size": size}),
    );
}

impl BackfillCounts {
    fn text(&self, args: &BackfillArgs, queue: &str) -> String {
        let queue = escape(queue);
        let Self { listed, selected, bytes, replayed, .. } = self;
        let mut text = match (listed, selected) {
            (0, _) => "no version matches: nothing to replay".to_owned(),
            (_, 0) => format!("all {listed} versions have an outcome: nothing to replay"),
            _ if args.yes => format!("{replayed} of {selected} events sent to {queue}"),
            _ => format!("{selected} events to send to {queue}, {bytes} bytes; --yes sends them"),
        };
        if args.yes && replayed < selected {
            text.push_str("; run this again for the rest");
        }
        if args.missing && *selected > 0 && !args.yes {
            text.push_str("\nThese include files whose item was deleted from the table; they would be stored again.");
        }
        if self.unreadable > 0 {
            text.push_str(&format!("\n{} are permanently unreadable: not replayed", self.unreadable));
        }
        if self.unknown > 0 {
            text.push_str(&format!(
                "\n{} could not be read: not replayed, because their outcome is unknown",
                self.unknown
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3_listing::testing;
    use crate::report::testing::{HOSTILE, assert_escaped, assert_printed};

    #[test]
    fn untrusted_text_is_escaped() {
        let listed = testing::listed(HOSTILE, HOSTILE);
        assert_escaped(1, |report| print_version(&listed, report));
    }

    fn args(missing: bool, yes: bool) -> BackfillArgs {
        let selection = VersionSelectionArgs { prefix: None, since: None, until: None, current_only: false };
        BackfillArgs { selection, missing, yes, rate: 100, list: true }
    }

    #[tokio::test]
    async fn text_and_json_of_the_summary() {
        let config = crate::aws::session::tests::offline();
        let ingest = crate::outputs::tests::ingest();
        assert_printed("backfill", |report| {
            print_version(&testing::listed("a.json", "v1"), report);
            for (missing, yes) in [(false, false), (false, true), (true, false), (true, true)] {
                for (listed, selected, replayed) in [(0, 0, 0), (3, 0, 0), (3, 2, 2), (3, 2, 1)] {
                    let args = args(missing, yes);
                    let counts = BackfillCounts {
                        listed,
                        selected,
                        bytes: 7,
                        replayed: if yes { replayed } else { 0 },
                        unreadable: u64::from(missing),
                        unknown: u64::from(missing),
                        stopped: false,
                    };
                    let backfill = Backfill {
                        replayer: EventReplayer::new(&config, "r", "https://sqs/1/queue", 1),
                        auditor: Arc::new(Auditor::new(&config, &ingest)),
                        args: &args,
                        counts,
                    };
                    let status = backfill.print_summary(report);
                    report
                        .line(format_args!("{}", status == ExitStatus::Success), &json!(status == ExitStatus::Success));
                }
            }
        });
    }
}
