//! `quarantine show`: everything that is known of a refused key.

use ingest::record::Reason;
use lambda_support::log::escape;
use serde_json::json;

use super::{Found, NO_RECORD, Record, Ward, Which, does_not_exist};
use crate::report::{Ended, Report};

/// Shows why a key was refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine show 4evr.json

Exit code: 0 it is there, 1 it is not, or its reason record cannot be read.")]
pub struct Show {
    #[command(flatten)]
    which: Which,
}

pub(super) async fn run(ward: &Ward, args: &Show, report: &Report) -> anyhow::Result<Ended> {
    let (key, bucket) = (&args.which.key, ward.bucket());
    let found = ward.find(&args.which).await?;
    if found.is_empty() {
        report.line(does_not_exist(key, bucket), &json!({"key": key, "bucket": bucket, "exists": false}));
        return Ok(Ended::Not);
    }
    let mut whole = true;
    for one in &found {
        whole &= show(ward.bucket(), one, report);
    }
    Ok(Ended::when(whole))
}

/// Shows one version; whether its reason record could be read, if it has one.
fn show(bucket: &str, found: &Found, report: &Report) -> bool {
    let stem = &found.stem;
    let copy = format!("s3://{}/{}", escape(bucket), escape(&stem.copy_key));
    let why = match &found.record {
        Record::Readable(reason) => {
            report.line(
                text(reason, &copy, stem.copy),
                &json!({"copy": copy, "copy_is_there": stem.copy, "reason": reason}),
            );
            return true;
        }
        Record::Absent => NO_RECORD.to_owned(),
        Record::Unreadable(why) => format!("its reason record cannot be read: {why}"),
    };
    report.line(
        format_args!("{copy}\n  {why}"),
        &json!({"copy": copy, "copy_is_there": stem.copy, "reason": null, "why": why}),
    );
    found.record == Record::Absent
}

fn text(reason: &Reason, copy: &str, there: bool) -> String {
    let source = &reason.source;
    let mut lines = vec![
        format!("s3://{}/{}", escape(&source.bucket), escape(&source.key)),
        format!("  version   {}", escape(&source.version_id)),
        format!("  end       {}, {}", reason.end.name(), escape(&reason.quarantined_at)),
        format!("  size      {} bytes", source.size.unwrap_or(0)),
        format!("  sha256    {}", escape(source.sha256.as_deref().unwrap_or("unknown"))),
        format!("  copy      {}{copy}", if there { "" } else { "(gone) " }),
    ];
    lines.extend(reason.reasons.iter().map(|p| {
        let path = if p.path.is_empty() { "the object" } else { &p.path };
        format!("  because   {}: {} [{}]", escape(path), escape(&p.message), escape(&p.rule))
    }));
    if let Some(other) = &reason.other {
        lines.push(format!(
            "  first     s3://{}/{} version {}",
            escape(&other.bucket),
            escape(&other.key),
            escape(&other.version_id)
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::stems::{Stem, source};
    use crate::report::testing::{HOSTILE, assert_printed, harmless};
    use ingest::record::{End, Problem};

    #[test]
    fn what_is_shown_is_harmless() {
        let reason = Reason {
            end: End::Conflict,
            reasons: vec![Problem::new(HOSTILE, HOSTILE, HOSTILE)],
            source: source(HOSTILE, HOSTILE, HOSTILE),
            other: Some(source(HOSTILE, HOSTILE, HOSTILE)),
            quarantined_at: HOSTILE.into(),
            request_id: None,
        };
        let found = |record| Found { stem: Stem { copy_key: HOSTILE.into(), copy: true, reason: true }, record };
        let readable = found(Record::Readable(Box::new(reason)));
        harmless(8, |report| {
            show(HOSTILE, &readable, report);
        });
        let unreadable = found(Record::Unreadable("why".into()));
        harmless(2, |report| {
            show(HOSTILE, &unreadable, report);
        });
    }

    #[test]
    fn text_and_json_of_a_version() {
        let reason = Reason {
            end: End::Conflict,
            reasons: vec![Problem::new("", "rule", "message"), Problem::new("/a", "rule", "message")],
            source: source("in", "k.json", "v"),
            other: Some(source("in", "first.json", "w")),
            quarantined_at: "2026-11-23T08:00:00Z".into(),
            request_id: Some("r".into()),
        };
        let found = |record, copy| Found { stem: Stem { copy_key: "k.json/v".into(), copy, reason: true }, record };
        assert_printed("quarantine-show", |report| {
            show("out", &found(Record::Readable(Box::new(reason.clone())), true), report);
            show("out", &found(Record::Readable(Box::new(reason.clone())), false), report);
            show("out", &found(Record::Absent, true), report);
            show("out", &found(Record::Unreadable("why".into()), true), report);
        });
    }
}
