//! `quarantine list`: the refused versions with their reasons, one line each.

use futures::{StreamExt, TryStreamExt, stream};
use ingest::quarantine::ReasonRecord;
use lambda_support::log::escape;
use serde_json::json;

use super::lookup::{InspectedVersion, MAX_UNCUT_KEY, NO_RECORD, Quarantine, ReasonState};
use crate::quarantined_versions::{QuarantineGrouper, QuarantinedVersion};
use crate::report::{ExitStatus, Report, message};
use crate::version_audit::report::print_undecodable_key;

const MAX_CONCURRENT_READS: usize = 16;

/// Lists refused versions with their reasons
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine list --prefix albums/
  sluice quarantine list --format json | jq -r '.reasons[]?.path' | sort | uniq -c

The last line is the summary: the number of versions, and how many reason records could not be read.
Exit code: 0 all listed, 1 some could not be read, 2 nothing could be listed.")]
pub(super) struct ListArgs {
    /// List only keys that begin with PREFIX
    #[arg(long, default_value = "", value_name = "PREFIX")]
    prefix: String,
}

/// A listing in progress.
struct QuarantineListing<'a> {
    quarantine: &'a Quarantine,
    prefix: &'a str,
    count: u64,
    unread: u64,
}

pub(super) async fn run(quarantine: &Quarantine, args: &ListArgs, report: &Report) -> anyhow::Result<ExitStatus> {
    let prefix = if args.prefix.is_empty() { &quarantine.ingest.prefix } else { &args.prefix };
    let mut listing = QuarantineListing { quarantine, prefix, count: 0, unread: 0 };
    let stopped = match listing.print_all(report).await {
        Ok(()) => false,
        Err(error) if listing.count == 0 => return Err(error),
        Err(error) => {
            report.note(format_args!("stopped here, the rest was not listed: {}", message(&error)));
            true
        }
    };
    let QuarantineListing { count, unread, .. } = listing;
    let unread_text = match unread {
        0 => String::new(),
        _ => format!("; {unread} could not be read, see above"),
    };
    report.line(
        format_args!("{count} in quarantine bucket {}{unread_text}", escape(quarantine.bucket())),
        &json!({"bucket": quarantine.bucket(), "count": count, "not_read": unread, "stopped": stopped}),
    );
    Ok(ExitStatus::success_if(unread == 0 && !stopped))
}

impl QuarantineListing<'_> {
    async fn print_all(&mut self, report: &Report) -> anyhow::Result<()> {
        let uncut_prefix = &self.prefix[..self.prefix.floor_char_boundary(MAX_UNCUT_KEY)];
        let mut pages = self.quarantine.store.objects(self.quarantine.bucket(), uncut_prefix);
        let mut grouper = QuarantineGrouper::default();
        while let Some(page) = pages.next().await? {
            let complete = page.into_iter().flat_map(|key| grouper.push(key)).collect();
            self.print_versions(complete, report).await?;
            for key in pages.take_undecodable() {
                self.unread += 1;
                print_undecodable_key(&key, report);
            }
        }
        self.print_versions(grouper.finish(), report).await
    }

    /// Reads the reason records concurrently and prints the versions in the order of the listing.
    async fn print_versions(&mut self, versions: Vec<QuarantinedVersion>, report: &Report) -> anyhow::Result<()> {
        let quarantine = self.quarantine;
        let read = |objects: QuarantinedVersion| async move {
            let reason = quarantine.read_reason(&objects).await?;
            anyhow::Ok(InspectedVersion { objects, reason })
        };
        let mut inspected = stream::iter(versions).map(read).buffered(MAX_CONCURRENT_READS);
        while let Some(version) = inspected.try_next().await? {
            self.print_version(&version, report);
        }
        Ok(())
    }

    fn print_version(&mut self, inspected: &InspectedVersion, report: &Report) {
        if !inspected.source_identity().0.starts_with(self.prefix) {
            return;
        }
        self.count += 1;
        match &inspected.reason {
            ReasonState::Readable(reason) => print_refused(&inspected.objects, reason, report),
            ReasonState::Absent => print_without_record(&inspected.objects, NO_RECORD, report),
            ReasonState::Unreadable(cause) => {
                self.unread += 1;
                let why = format!("its reason record cannot be read: {cause}");
                print_without_record(&inspected.objects, &why, report);
            }
        }
    }
}

/// Prints a version of which only the keys in quarantine are known.
fn print_without_record(objects: &QuarantinedVersion, why: &str, report: &Report) {
    let (key, version_id) = objects.source_by_copy_key();
    report.line(
        format_args!("{}  {}  unknown  {why}", escape(key), escape(version_id)),
        &json!({
            "key": null, "version_id": null, "by_its_key": {"key": key, "version_id": version_id}, "end": null,
            "why": why, "copy_key": objects.copy_key, "copy": objects.has_copy,
        }),
    );
}

fn print_refused(objects: &QuarantinedVersion, reason: &ReasonRecord, report: &Report) {
    let first_problem = reason.reasons.first().map_or(String::new(), |problem| {
        let gap = if problem.path.is_empty() { "" } else { " " };
        format!("  {}{gap}{}", escape(&problem.path), escape(&problem.message))
    });
    let more = match reason.reasons.len().saturating_sub(1) {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    let (source, outcome) = (&reason.source, reason.outcome.name());
    report.line(
        format_args!(
            "{}  {}  {outcome}  {}{first_problem}{more}",
            escape(&source.version.key),
            escape(&source.version.version_id),
            escape(&reason.quarantined_at)
        ),
        &json!({
            "key": source.version.key, "version_id": source.version.version_id, "end": outcome, "reasons": reason.reasons,
            "quarantined_at": reason.quarantined_at, "copy_key": objects.copy_key, "copy": objects.has_copy,
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantined_versions::testing::source;
    use crate::report::testing::{HOSTILE, assert_escaped, assert_printed};
    use ingest::outcome::Outcome;
    use ingest::problem::Problem;

    #[test]
    fn untrusted_text_is_escaped() {
        let reason = ReasonRecord {
            outcome: Outcome::Invalid,
            reasons: vec![Problem::new(HOSTILE, HOSTILE, HOSTILE)],
            source: source(HOSTILE, HOSTILE, HOSTILE),
            other: None,
            quarantined_at: HOSTILE.into(),
            request_id: None,
        };
        let objects = QuarantinedVersion { copy_key: format!("{HOSTILE}/{HOSTILE}"), has_copy: true, has_reason: true };
        assert_escaped(1, |report| print_refused(&objects, &reason, report));
        assert_escaped(1, |report| print_without_record(&objects, NO_RECORD, report));
    }

    #[test]
    fn text_and_json_of_rows() {
        let problem = Problem::new("/a", "rule", "message");
        assert_printed("quarantine-list", |report| {
            for reasons in [vec![], vec![Problem::new("", "rule", "message")], vec![problem.clone(), problem.clone()]] {
                let reason = ReasonRecord {
                    outcome: Outcome::Invalid,
                    reasons,
                    source: source("in", "k.json", "v"),
                    other: None,
                    quarantined_at: "2026-11-23T08:00:00Z".into(),
                    request_id: None,
                };
                let objects = QuarantinedVersion { copy_key: "k.json/v".into(), has_copy: true, has_reason: true };
                print_refused(&objects, &reason, report);
            }
            let objects = QuarantinedVersion { copy_key: "k.json/v".into(), has_copy: true, has_reason: false };
            print_without_record(&objects, NO_RECORD, report);
        });
    }
}
