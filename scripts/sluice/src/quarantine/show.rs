//! `quarantine show`: everything that is known of a refused key.

use ingest::record::Reason;
use kit::log::escape;
use serde_json::json;

use super::{Stem, Ward, Which, does_not_exist};
use crate::report::{Ended, Report};

/// Shows why a key was refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine show 4evr.json

Exit code: 0 it is there, 1 it is not.")]
pub struct Show {
    #[command(flatten)]
    which: Which,
}

pub(super) async fn run(ward: &Ward, args: &Show, report: &Report) -> anyhow::Result<Ended> {
    let (key, bucket) = (&args.which.key, ward.bucket());
    let found = ward.find(&args.which).await?;
    if found.is_empty() {
        report.line(
            does_not_exist(key, bucket),
            &json!({"key": key, "bucket": bucket, "exists": false}),
        );
        return Ok(Ended::Not);
    }
    for stem in &found {
        one(ward, stem, report).await?;
    }
    Ok(Ended::Done)
}

async fn one(ward: &Ward, stem: &Stem, report: &Report) -> anyhow::Result<()> {
    let bucket = ward.bucket();
    let copy = format!("s3://{bucket}/{}", escape(&stem.copy_key));
    let Some(reason) = ward.reason(stem).await? else {
        report.line(
            format_args!("{copy}\n  no reason record: it is being moved, or a release was cut off"),
            &json!({"copy": copy, "reason": null}),
        );
        return Ok(());
    };
    let text = text(&reason, &copy, stem.copy);
    report.line(
        text,
        &json!({"copy": copy, "copy_is_there": stem.copy, "reason": reason}),
    );
    Ok(())
}

fn text(reason: &Reason, copy: &str, there: bool) -> String {
    let source = &reason.source;
    let mut lines = vec![
        format!("s3://{}/{}", source.bucket, escape(&source.key)),
        format!("  version   {}", source.version_id),
        format!(
            "  end       {}, {}",
            reason.end.name(),
            reason.quarantined_at
        ),
        format!("  size      {} bytes", source.size.unwrap_or(0)),
        format!(
            "  sha256    {}",
            source.sha256.as_deref().unwrap_or("unknown")
        ),
        format!("  copy      {}{copy}", if there { "" } else { "(gone) " }),
    ];
    lines.extend(reason.reasons.iter().map(|p| {
        let path = if p.path.is_empty() {
            "the object"
        } else {
            &p.path
        };
        format!(
            "  because   {}: {} [{}]",
            escape(path),
            escape(&p.message),
            p.rule
        )
    }));
    if let Some(other) = &reason.other {
        lines.push(format!(
            "  first     s3://{}/{} version {}",
            other.bucket,
            escape(&other.key),
            other.version_id
        ));
    }
    lines.join("\n")
}
