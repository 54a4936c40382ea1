//! `quarantine show`: everything known about a refused key.

use ingest::quarantine::ReasonRecord;
use lambda_support::log::escape;
use serde_json::json;

use super::lookup::{InspectedVersion, NO_RECORD, Quarantine, ReasonState, VersionSelector, does_not_exist_message};
use crate::report::{ExitStatus, Report};

/// Shows why a key was refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine show 4evr.json

Exit code: 0 shown, 1 not in quarantine, or its reason record cannot be read, 2 usage or environment error.")]
pub(super) struct ShowArgs {
    #[command(flatten)]
    selector: VersionSelector,
}

pub(super) async fn run(quarantine: &Quarantine, args: &ShowArgs, report: &Report) -> anyhow::Result<ExitStatus> {
    let (key, bucket) = (&args.selector.key, quarantine.bucket());
    let found = quarantine.find(&args.selector).await?;
    if found.is_empty() {
        report.line(does_not_exist_message(key, bucket), &json!({"key": key, "bucket": bucket, "exists": false}));
        return Ok(ExitStatus::Failure);
    }
    let mut all_readable = true;
    for inspected in &found {
        all_readable &= print_version(bucket, inspected, report);
    }
    Ok(ExitStatus::success_if(all_readable))
}

/// Prints one version. Returns false if its reason record exists and cannot be read.
fn print_version(bucket: &str, inspected: &InspectedVersion, report: &Report) -> bool {
    let objects = &inspected.objects;
    let copy = format!("s3://{}/{}", escape(bucket), escape(&objects.copy_key));
    let why = match &inspected.reason {
        ReasonState::Readable(reason) => {
            report.line(
                text(reason, &copy, objects.has_copy),
                &json!({"copy": copy, "copy_is_there": objects.has_copy, "reason": reason}),
            );
            return true;
        }
        ReasonState::Absent => NO_RECORD.to_owned(),
        ReasonState::Unreadable(why) => format!("its reason record cannot be read: {why}"),
    };
    report.line(
        format_args!("{copy}\n  {why}"),
        &json!({"copy": copy, "copy_is_there": objects.has_copy, "reason": null, "why": why}),
    );
    inspected.reason == ReasonState::Absent
}

fn text(reason: &ReasonRecord, copy: &str, copy_exists: bool) -> String {
    let source = &reason.source;
    let mut lines = vec![
        format!("s3://{}/{}", escape(&source.version.bucket), escape(&source.version.key)),
        format!("  version   {}", escape(&source.version.version_id)),
        format!("  outcome   {}, {}", reason.outcome.name(), escape(&reason.quarantined_at)),
        format!("  size      {} bytes", source.size.unwrap_or(0)),
        format!("  sha256    {}", escape(source.sha256.as_deref().unwrap_or("unknown"))),
        format!("  copy      {}{copy}", if copy_exists { "" } else { "(gone) " }),
    ];
    lines.extend(reason.reasons.iter().map(|p| {
        let path = if p.path.is_empty() { "the object" } else { &p.path };
        format!("  because   {}: {} [{}]", escape(path), escape(&p.message), escape(&p.rule))
    }));
    if let Some(other) = &reason.other {
        lines.push(format!(
            "  first     s3://{}/{} version {}",
            escape(&other.version.bucket),
            escape(&other.version.key),
            escape(&other.version.version_id)
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantined_versions::QuarantinedVersion;
    use crate::quarantined_versions::testing::source;
    use crate::report::testing::{HOSTILE, assert_escaped, assert_printed};
    use ingest::outcome::Outcome;
    use ingest::problem::Problem;

    #[test]
    fn untrusted_text_is_escaped() {
        let reason = ReasonRecord {
            outcome: Outcome::Conflict,
            reasons: vec![Problem::new(HOSTILE, HOSTILE, HOSTILE)],
            source: source(HOSTILE, HOSTILE, HOSTILE),
            other: Some(source(HOSTILE, HOSTILE, HOSTILE)),
            quarantined_at: HOSTILE.into(),
            request_id: None,
        };
        let inspected = |reason| InspectedVersion {
            objects: QuarantinedVersion { copy_key: HOSTILE.into(), has_copy: true, has_reason: true },
            reason,
        };
        let readable = inspected(ReasonState::Readable(Box::new(reason)));
        assert_escaped(8, |report| {
            print_version(HOSTILE, &readable, report);
        });
        let unreadable = inspected(ReasonState::Unreadable("why".into()));
        assert_escaped(2, |report| {
            print_version(HOSTILE, &unreadable, report);
        });
    }

    #[test]
    fn text_and_json_of_a_version() {
        let reason = ReasonRecord {
            outcome: Outcome::Conflict,
            reasons: vec![Problem::new("", "rule", "message"), Problem::new("/a", "rule", "message")],
            source: source("in", "k.json", "v"),
            other: Some(source("in", "first.json", "w")),
            quarantined_at: "2026-11-23T08:00:00Z".into(),
            request_id: Some("r".into()),
        };
        let inspected = |reason, copy| InspectedVersion {
            objects: QuarantinedVersion { copy_key: "k.json/v".into(), has_copy: copy, has_reason: true },
            reason,
        };
        assert_printed("quarantine-show", |report| {
            print_version("out", &inspected(ReasonState::Readable(Box::new(reason.clone())), true), report);
            print_version("out", &inspected(ReasonState::Readable(Box::new(reason.clone())), false), report);
            print_version("out", &inspected(ReasonState::Absent, true), report);
            print_version("out", &inspected(ReasonState::Unreadable("why".into()), true), report);
        });
    }
}
