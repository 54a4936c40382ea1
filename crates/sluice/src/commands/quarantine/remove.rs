//! `quarantine remove`: permanently deletes every version of the copy and of its reason record.

use anyhow::bail;
use lambda_support::log::escape;
use serde_json::json;
use sluice_types::OperatorAction;

use super::lookup::{InspectedVersion, Quarantine, VersionSelector, ambiguous_key_message, does_not_exist_message};
use crate::operator_log::OperatorLog;
use crate::report::{ExitStatus, Report};

/// Permanently deletes a key from quarantine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine remove 4evr.json
  sluice quarantine remove 4evr.json --yes

Exit code: 0 removed, 1 not in quarantine or not confirmed, 2 usage or environment error.")]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    selector: VersionSelector,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Remove every version of the key
    #[arg(long, conflicts_with = "version")]
    all_versions: bool,
    /// The reason, for the operator record
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

pub(super) async fn run(
    quarantine: &Quarantine,
    args: &RemoveArgs,
    log: &OperatorLog,
    report: &Report,
) -> anyhow::Result<ExitStatus> {
    let (key, bucket) = (&args.selector.key, quarantine.bucket());
    let shown_key = escape(key);
    let found = quarantine.find(&args.selector).await?;
    let json = |result: &str| json!({"key": key, "bucket": bucket, "result": result});
    if found.is_empty() {
        report.line(does_not_exist_message(key, bucket), &json("absent"));
        return Ok(ExitStatus::Failure);
    }
    if found.len() > 1 && !args.all_versions {
        let version_ids = found.iter().map(InspectedVersion::version_id);
        bail!("{}", ambiguous_key_message(key, version_ids, "--version ID, or --all-versions"));
    }
    if !args.yes {
        let question =
            format!("Are you sure you want to remove object {shown_key} from bucket {}? (yes/no):", escape(bucket));
        if report.ask(&question).as_deref() != Some("yes") {
            report.line("Nothing was removed.", &json("kept"));
            return Ok(ExitStatus::Failure);
        }
    }
    for inspected in &found {
        let objects = &inspected.objects;
        log.record(OperatorAction::Remove, &quarantine.record_subject(inspected)).await?;
        // The reason record is deleted last, so that it still describes what an interrupted removal leaves.
        quarantine.store.delete_all_versions(bucket, &objects.copy_key).await?;
        report.mark_changed();
        quarantine.store.delete_all_versions(bucket, &objects.reason_key()).await?;
    }
    report.line(
        format_args!("Successfully removed object {shown_key} from bucket {}.", escape(bucket)),
        &json("removed"),
    );
    Ok(ExitStatus::Success)
}
