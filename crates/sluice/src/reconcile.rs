//! `reconcile`: the processing bucket against the table and the quarantine. Every version has an outcome, is young, or
//! is named here.

use std::sync::Arc;

use lambda_support::log::escape;
use serde_json::{Value, json};

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::System;
use crate::range::Range;
use crate::report::{Ended, Report, message};
use crate::store::Version;
use crate::time::{now, rfc3339};
use crate::version_outcome::{Auditor, Expected, VersionOutcome};

/// Finds versions in the processing bucket that have no outcome: neither in the table nor in quarantine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice reconcile
  sluice reconcile --since 24h --format json

Reads every version of the range, and goes on past what it cannot read, which it names.
Exit code: 0 every version has its outcome or is young, 1 some have none or could not be read, 2 nothing could be read.")]
pub struct Reconcile {
    #[command(flatten)]
    range: Range,
    /// Versions younger than this many seconds may still be on their way
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    grace: i64,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be read at all.
pub async fn run(shared: &Shared, args: &Reconcile, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Operator)).await?;
    let auditor = Arc::new(Auditor::new(&config, outputs.ingest()?));
    let mut counts = Counts::default();
    report.progress("looking", None);
    let stopped = match look(&auditor, args, &mut counts, report).await {
        Ok(()) => false,
        Err(error) if counts.total() == 0 => return Err(error),
        Err(error) => {
            report.note(format_args!("stopped here, what follows was not looked at: {}", message(&error)));
            true
        }
    };
    report.line(counts.text(&auditor.ingest.processing_bucket), &counts.json(stopped));
    Ok(Ended::when(counts.without == 0 && counts.unfinished == 0 && counts.unknown == 0 && !stopped))
}

async fn look(auditor: &Arc<Auditor>, args: &Reconcile, counts: &mut Counts, report: &Report) -> anyhow::Result<()> {
    let young_from = now().saturating_sub(args.grace);
    let bounds = args.range.bounds();
    let mut pages = args.range.listing(&auditor.store, &auditor.ingest);
    while let Some(page) = pages.next().await? {
        let chosen: Vec<Version> = page.into_iter().filter(|v| bounds.hold(v)).collect();
        for (version, outcome) in auditor.outcomes(chosen).await? {
            report.tick();
            let young = version.modified > young_from;
            counts.add(&outcome, young);
            row(&version, &outcome, young, report);
        }
        for key in pages.take_undecodable() {
            counts.unknown += 1;
            undecodable(&key, report);
        }
    }
    Ok(())
}

const UNFINISHED: &str = "its reason record is in quarantine, and the object is still here";

/// Names a version that has no outcome, was not moved to its end, cannot be read for good or could not be read by this run.
pub fn row(version: &Version, outcome: &VersionOutcome, young: bool, report: &Report) {
    let (what, why, end, expected) = match outcome {
        VersionOutcome::Missing(_) | VersionOutcome::Refused if young => return,
        VersionOutcome::Missing(expected) => ("no outcome", expected.text(), None, expected.name()),
        VersionOutcome::Refused => ("move not finished", UNFINISHED.to_owned(), None, None),
        VersionOutcome::Unreadable(why) => ("unreadable", why.clone(), Some("unreadable"), None),
        VersionOutcome::Unknown(why) => ("cannot be read", why.clone(), None, None),
        _ => return,
    };
    let modified = rfc3339(version.modified);
    report.line(
        format_args!(
            "{what}: {}  {}  {modified}  {} bytes  {why}",
            escape(&version.key),
            escape(&version.version_id),
            version.size
        ),
        &json!({
            "key": version.key, "version_id": version.version_id, "modified": modified, "size": version.size,
            "end": end, "what": what, "expected": expected, "why": why,
        }),
    );
}

/// Names a key that a listing has and that cannot be decoded.
pub fn undecodable(listed: &str, report: &Report) {
    let why = "the listing has a key that is not UTF-8 once decoded";
    report.line(
        format_args!("cannot be read: {}  {why}", escape(listed)),
        &json!({"listed_key": listed, "end": null, "what": "cannot be read", "why": why}),
    );
}

#[derive(Default)]
struct Counts {
    stored: u64,
    duplicate: u64,
    refused: u64,
    too_large: u64,
    unreadable: u64,
    gone: u64,
    young: u64,
    without: u64,
    unknown: u64,
    /// Of those without an outcome, the ones that have neither an item nor a reason record.
    unexplained: u64,
    /// Of the refused, the ones whose move to quarantine was cut off and not resumed.
    unfinished: u64,
}

impl Counts {
    fn add(&mut self, outcome: &VersionOutcome, young: bool) {
        match outcome {
            VersionOutcome::Stored => self.stored += 1,
            VersionOutcome::Duplicate => self.duplicate += 1,
            VersionOutcome::Refused => {
                self.refused += 1;
                self.unfinished += u64::from(!young);
            }
            VersionOutcome::TooLarge => self.too_large += 1,
            VersionOutcome::Unreadable(_) => self.unreadable += 1,
            VersionOutcome::Gone => self.gone += 1,
            VersionOutcome::Unknown(_) => self.unknown += 1,
            VersionOutcome::Missing(_) if young => self.young += 1,
            VersionOutcome::Missing(expected) => {
                self.without += 1;
                self.unexplained += u64::from(*expected == Expected::Judgement);
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
        let explained = self.without - self.unexplained;
        if explained > 0 {
            text.push_str(&format!(
                "\nInvalid or in conflict: {explained}. `sluice backfill --missing --yes` announces them, and they go to quarantine."
            ));
        }
        if self.unfinished > 0 {
            text.push_str(&format!(
                "\nRefused, and not moved to the end: {}. `sluice backfill --missing --yes` announces them, and the function finishes the move.",
                self.unfinished
            ));
        }
        if self.unexplained > 0 {
            text.push_str(&format!(
                "\nWithout an item and without a reason record: {}. Two causes look the same here:\n  the event was lost: `sluice backfill --missing --yes` announces the file, and it is stored\n  the item was deleted from the table: that command would store it again; if it was deleted on purpose, delete the\n  object version too: aws s3api delete-object --bucket {} --key KEY --version-id VERSION\nOnly the function's log can say whether a version was stored before.",
                self.unexplained,
                escape(bucket)
            ));
        }
        if self.unknown > 0 {
            text.push_str(
                "\nWhat was not read may have an outcome or none: fix the reason given at each, then run it again.",
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
    use crate::report::testing::{HOSTILE, assert_printed, harmless};

    #[test]
    fn only_old_versions_without_an_outcome_count() {
        let mut counts = Counts::default();
        let missing = VersionOutcome::Missing(Expected::Judgement);
        counts.add(&missing, true);
        assert_eq!((counts.young, counts.without), (1, 0));
        counts.add(&missing, false);
        assert_eq!((counts.without, counts.unexplained), (1, 1));
        counts.add(&VersionOutcome::Missing(Expected::Invalid("x".into())), false);
        counts.add(&VersionOutcome::Unknown("x".into()), false);
        counts.add(&VersionOutcome::Unreadable("x".into()), false);
        assert_eq!(counts.total(), 5);
    }

    /// An event that expired among the dead letters leaves a version in both places.
    #[test]
    fn a_move_that_was_cut_off_is_named_once_it_is_old() {
        let mut counts = Counts::default();
        counts.add(&VersionOutcome::Refused, true);
        assert!(counts.unfinished == 0 && !counts.text("in").contains("backfill"));
        counts.add(&VersionOutcome::Refused, false);
        assert_eq!((counts.refused, counts.unfinished, counts.total()), (2, 1, 2));
        assert!(counts.text("in").contains("finishes the move"));
    }

    /// An item that an operator deleted must not come back by following advice.
    #[test]
    fn advice_says_what_each_way_does() {
        let mut counts = Counts::default();
        counts.add(&VersionOutcome::Stored, false);
        assert!(!counts.text("in").contains("backfill"));
        counts.add(&VersionOutcome::Missing(Expected::Judgement), false);
        let text = counts.text("in");
        assert!(text.contains("would store it again"), "{text}");
        assert!(text.contains("delete-object --bucket in"), "{text}");
        let mut counts = Counts::default();
        counts.add(&VersionOutcome::Missing(Expected::Conflict), false);
        let text = counts.text("in");
        assert!(text.contains("go to quarantine") && !text.contains("store it again"));
    }

    #[test]
    fn rows_are_harmless_and_one_line_each() {
        let version = Version {
            key: HOSTILE.into(),
            version_id: HOSTILE.into(),
            size: 1,
            etag: None,
            modified: 0,
            latest: true,
            marker: false,
        };
        for outcome in [
            VersionOutcome::Missing(Expected::Judgement),
            VersionOutcome::Missing(Expected::Conflict),
            VersionOutcome::Refused,
            VersionOutcome::Unreadable("why".into()),
            VersionOutcome::Unknown("why".into()),
        ] {
            harmless(1, |report| row(&version, &outcome, false, report));
        }
        harmless(1, |report| undecodable(HOSTILE, report));
    }

    #[test]
    fn text_and_json_of_rows_and_summary() {
        let version = Version {
            key: "a.json".into(),
            version_id: "v".into(),
            size: 1,
            etag: None,
            modified: 0,
            latest: true,
            marker: false,
        };
        let outcomes = [
            VersionOutcome::Stored,
            VersionOutcome::Duplicate,
            VersionOutcome::TooLarge,
            VersionOutcome::Gone,
            VersionOutcome::Refused,
            VersionOutcome::Unreadable("why".into()),
            VersionOutcome::Unknown("why".into()),
            VersionOutcome::Missing(Expected::Judgement),
            VersionOutcome::Missing(Expected::Invalid("why".into())),
            VersionOutcome::Missing(Expected::Conflict),
        ];
        assert_printed("reconcile", |report| {
            let mut counts = Counts::default();
            report.line(counts.text("in"), &counts.json(false));
            for outcome in &outcomes {
                for young in [true, false] {
                    row(&version, outcome, young, report);
                    counts.add(outcome, young);
                }
            }
            undecodable("a%FF", report);
            report.line(counts.text("in"), &counts.json(true));
        });
    }
}
