//! `quarantine check`: whether a key is in quarantine, by exit code.

use serde_json::json;

use super::lookup::{InspectedVersion, Quarantine, VersionSelector, does_not_exist_message, exists_message};
use crate::report::{ExitStatus, Report};

/// Checks whether a key is in quarantine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine check 4evr.json && echo refused

Exit code: 0 it is in quarantine, 1 it is not, 2 usage or environment error.")]
pub(super) struct CheckArgs {
    #[command(flatten)]
    selector: VersionSelector,
}

pub(super) async fn run(quarantine: &Quarantine, args: &CheckArgs, report: &Report) -> anyhow::Result<ExitStatus> {
    let (key, bucket) = (&args.selector.key, quarantine.bucket());
    let found = quarantine.find(&args.selector).await?;
    let versions: Vec<&str> = found.iter().map(InspectedVersion::version_id).collect();
    let exists = !found.is_empty();
    let text = if exists { exists_message(key, bucket) } else { does_not_exist_message(key, bucket) };
    report.line(text, &json!({"key": key, "bucket": bucket, "exists": exists, "versions": versions}));
    Ok(ExitStatus::success_if(exists))
}
