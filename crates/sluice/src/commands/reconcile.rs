//! `reconcile`: compares the processing bucket with the table and the quarantine, and prints the versions without an
//! outcome.

use std::sync::Arc;

use lambda_support::log::escape;
use serde_json::{Value, json};
use sluice_types::ListedVersion;

use crate::aws::s3_listing::modified_seconds;
use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::outputs::System;
use crate::report::{ExitStatus, Report, message};
use crate::time::now;
use crate::version_audit::report::{print_outcome, print_undecodable_key};
use crate::version_audit::{Auditor, Expected, VersionOutcome};
use crate::version_selection::VersionSelectionArgs;

/// Finds versions in the processing bucket that have no outcome: neither in the table nor in quarantine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice reconcile
  sluice reconcile --since 24h --format json

Reads every selected version. Versions that cannot be read are printed, and the run continues.
Exit code: 0 every version has an outcome or is young, 1 some have none or could not be read, 2 usage or environment error.")]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    selection: VersionSelectionArgs,
    /// Versions younger than this may still be waiting to be processed
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    grace: i64,
}

pub(crate) async fn run(globals: &Globals, args: &ReconcileArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let outputs = globals.outputs.read()?;
    let config = session(&outputs, System::Ingest, globals.role_or(Role::Operator)).await?;
    let auditor = Arc::new(Auditor::new(&config, outputs.ingest()?));
    let mut counts = ReconcileCounts::default();
    report.progress("reading versions", None);
    let stopped = match audit_all(&auditor, args, &mut counts, report).await {
        Ok(()) => false,
        Err(error) if counts.total() == 0 => return Err(error),
        Err(error) => {
            report.note(format_args!("stopped here, the rest was not read: {}", message(&error)));
            true
        }
    };
    report.line(counts.text(&auditor.ingest.processing_bucket), &counts.json(stopped));
    let is_complete = counts.without == 0 && counts.unfinished == 0 && counts.unknown == 0;
    Ok(ExitStatus::success_if(is_complete && !stopped))
}

async fn audit_all(
    auditor: &Arc<Auditor>,
    args: &ReconcileArgs,
    counts: &mut ReconcileCounts,
    report: &Report,
) -> anyhow::Result<()> {
    let young_from = now().saturating_sub(args.grace);
    let filter = args.selection.filter();
    let mut pages = args.selection.listing(&auditor.store, &auditor.ingest);
    while let Some(page) = pages.next().await? {
        let selected: Vec<ListedVersion> = page.into_iter().filter(|v| filter.matches(v)).collect();
        for (listed, outcome) in auditor.outcomes(selected).await? {
            report.tick();
            let is_young = modified_seconds(&listed) > young_from;
            counts.add(&outcome, is_young);
            print_outcome(&listed, &outcome, is_young, report);
        }
        for key in pages.take_undecodable() {
            counts.unknown += 1;
            print_undecodable_key(&key, report);
        }
    }
    Ok(())
}

#[derive(Default)]
struct ReconcileCounts {
    stored: u64,
    duplicate: u64,
    refused: u64,
    too_large: u64,
    unreadable: u64,
    gone: u64,
    /// Versions without an outcome that are younger than the grace period.
    young: u64,
    /// Other versions without an outcome.
    without: u64,
    /// Versions whose outcome could not be determined.
    unknown: u64,
    /// Of those without an outcome, the ones with neither an item nor a reason record.
    unexplained: u64,
    /// Of the refused, the ones that the function has not deleted within the grace period.
    unfinished: u64,
}

impl ReconcileCounts {
    fn add(&mut self, outcome: &VersionOutcome, is_young: bool) {
        match outcome {
            VersionOutcome::Stored => self.stored += 1,
            VersionOutcome::Duplicate => self.duplicate += 1,
            VersionOutcome::Refused => {
                self.refused += 1;
                self.unfinished += u64::from(!is_young);
            }
            VersionOutcome::TooLarge => self.too_large += 1,
            VersionOutcome::Unreadable(_) => self.unreadable += 1,
            VersionOutcome::Gone => self.gone += 1,
            VersionOutcome::Unknown(_) => self.unknown += 1,
            VersionOutcome::Missing(_) if is_young => self.young += 1,
            VersionOutcome::Missing(expected) => {
                self.without += 1;
                self.unexplained += u64::from(*expected == Expected::Validation);
            }
        }
    }

    fn total(&self) -> u64 {
        self.stored
            + self.duplicate
            + self.refused
            + self.too_large
            + self.unreadable
            + self.gone
            + self.young
            + self.without
            + self.unknown
    }

    fn text(&self, bucket: &str) -> String {
        let mut text = format!(
            "{} version{}: {} stored, {} duplicate, {} refused, {} too large, {} unreadable, {} gone, {} young, {} without an outcome, {} not read",
            self.total(),
            if self.total() == 1 { "" } else { "s" },
            self.stored,
            self.duplicate,
            self.refused,
            self.too_large,
            self.unreadable,
            self.gone,
            self.young,
            self.without,
            self.unknown
        );
        text.push_str(&self.advice(bucket));
        text
    }

    /// What to do about versions without an outcome; each paragraph starts with a line break.
    fn advice(&self, bucket: &str) -> String {
        let mut text = String::new();
        let explained = self.without - self.unexplained;
        if explained > 0 {
            text.push_str(&format!(
                "\nInvalid or in conflict: {explained}. `sluice backfill --missing --yes` replays their events, and the function moves them to quarantine."
            ));
        }
        if self.unfinished > 0 {
            text.push_str(&format!(
                "\nRefused, and not fully moved to quarantine: {}. `sluice backfill --missing --yes` replays their events, and the function finishes the move.",
                self.unfinished
            ));
        }
        if self.unexplained > 0 {
            text.push_str(&format!(
                "\nWithout an item and without a reason record: {}. There are two possible causes:\n  the event was lost: `sluice backfill --missing --yes` replays it, and the file is stored\n  the item was deleted from the table: that command would store it again; if it was deleted on purpose, delete the\n  object version too: aws s3api delete-object --bucket {} --key KEY --version-id VERSION\nOnly the function's log shows whether a version was stored before.",
                self.unexplained,
                escape(bucket)
            ));
        }
        if self.unknown > 0 {
            text.push_str(
                "\nVersions that were not read may or may not have an outcome: fix the cause printed for each, then run this again.",
            );
        }
        text
    }

    fn json(&self, stopped: bool) -> Value {
        json!({
            "stored": self.stored, "duplicate": self.duplicate, "refused": self.refused,
            "too_large": self.too_large, "unreadable": self.unreadable, "gone": self.gone, "young": self.young,
            "without_end": self.without, "without_item_and_reason": self.unexplained, "not_read": self.unknown,
            "unfinished_moves": self.unfinished,
            "total": self.total(), "stopped": stopped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3_listing::testing;
    use crate::report::testing::assert_printed;

    #[test]
    fn young_versions_do_not_count_as_without_an_outcome() {
        let mut counts = ReconcileCounts::default();
        let missing = VersionOutcome::Missing(Expected::Validation);
        counts.add(&missing, true);
        assert_eq!((counts.young, counts.without), (1, 0));
        counts.add(&missing, false);
        assert_eq!((counts.without, counts.unexplained), (1, 1));
        counts.add(&VersionOutcome::Missing(Expected::Invalid("x".into())), false);
        counts.add(&VersionOutcome::Unknown("x".into()), false);
        counts.add(&VersionOutcome::Unreadable("x".into()), false);
        assert_eq!(counts.total(), 5);
    }

    /// An event that expired in a dead-letter queue leaves a version in both buckets.
    #[test]
    fn an_incomplete_move_counts_once_it_is_old() {
        let mut counts = ReconcileCounts::default();
        counts.add(&VersionOutcome::Refused, true);
        assert!(counts.unfinished == 0 && !counts.text("in").contains("backfill"));
        counts.add(&VersionOutcome::Refused, false);
        assert_eq!((counts.refused, counts.unfinished, counts.total()), (2, 1, 2));
        assert!(counts.text("in").contains("finishes the move"));
    }

    /// An operator who deleted an item on purpose must not store it again by following the advice.
    #[test]
    fn advice_names_the_effect_of_each_command() {
        let mut counts = ReconcileCounts::default();
        counts.add(&VersionOutcome::Stored, false);
        assert!(!counts.text("in").contains("backfill"));
        counts.add(&VersionOutcome::Missing(Expected::Validation), false);
        let text = counts.text("in");
        assert!(text.contains("would store it again"), "{text}");
        assert!(text.contains("delete-object --bucket in"), "{text}");
        let mut counts = ReconcileCounts::default();
        counts.add(&VersionOutcome::Missing(Expected::Conflict), false);
        let text = counts.text("in");
        assert!(text.contains("moves them to quarantine") && !text.contains("store it again"));
    }

    #[test]
    fn text_and_json_of_rows_and_summary() {
        let listed = testing::listed("a.json", "v");
        let outcomes = [
            VersionOutcome::Stored,
            VersionOutcome::Duplicate,
            VersionOutcome::TooLarge,
            VersionOutcome::Gone,
            VersionOutcome::Refused,
            VersionOutcome::Unreadable("why".into()),
            VersionOutcome::Unknown("why".into()),
            VersionOutcome::Missing(Expected::Validation),
            VersionOutcome::Missing(Expected::Invalid("why".into())),
            VersionOutcome::Missing(Expected::Conflict),
        ];
        assert_printed("reconcile", |report| {
            let mut counts = ReconcileCounts::default();
            report.line(counts.text("in"), &counts.json(false));
            for outcome in &outcomes {
                for is_young in [true, false] {
                    print_outcome(&listed, outcome, is_young, report);
                    counts.add(outcome, is_young);
                }
            }
            print_undecodable_key("a%FF", report);
            report.line(counts.text("in"), &counts.json(true));
        });
    }
}
