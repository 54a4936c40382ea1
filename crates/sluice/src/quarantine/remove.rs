//! `quarantine remove`: gone for good, every version of the copy and of its reason.

use anyhow::bail;
use lambda_support::log::escape;
use serde_json::json;

use super::{Ward, Which, does_not_exist};
use crate::operator_record::{Action, OperatorLog};
use crate::report::{Ended, Report};

/// Deletes a refused key from quarantine for good
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine remove 4evr.json
  sluice quarantine remove 4evr.json --yes

Exit code: 0 removed, 1 not there or not confirmed.")]
pub struct Remove {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Remove every version of the key
    #[arg(long, conflicts_with = "version")]
    all_versions: bool,
    /// Why, for the operator record
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

pub(super) async fn run(ward: &Ward, args: &Remove, log: &OperatorLog, report: &Report) -> anyhow::Result<Ended> {
    let (key, bucket) = (&args.which.key, ward.bucket());
    let shown = escape(key);
    let found = ward.find(&args.which).await?;
    let json = |result: &str| json!({"key": key, "bucket": bucket, "result": result});
    if found.is_empty() {
        report.line(does_not_exist(key, bucket), &json("absent"));
        return Ok(Ended::Not);
    }
    if found.len() > 1 && !args.all_versions {
        let versions = found.iter().map(super::Found::version_id);
        bail!("{}", several(key, versions, "--version ID, or --all-versions"));
    }
    if !args.yes {
        let question =
            format!("Are you sure you want to remove object {shown} from bucket {}? (yes/no):", escape(bucket));
        if report.ask(&question).as_deref() != Some("yes") {
            report.line("Nothing was removed.", &json("kept"));
            return Ok(Ended::Not);
        }
    }
    for one in &found {
        let stem = &one.stem;
        log.record(Action::Remove, &ward.subject(one)).await?;
        // The reason record last: interrupted between the two, what is left still says what it was.
        ward.store.purge(bucket, &stem.copy_key).await?;
        report.mark_changed();
        ward.store.purge(bucket, &stem.reason_key()).await?;
    }
    report.line(format_args!("Successfully removed object {shown} from bucket {}.", escape(bucket)), &json("removed"));
    Ok(Ended::Done)
}

/// That a key alone does not say which version is meant.
pub(super) fn several<'a>(key: &str, versions: impl Iterator<Item = &'a str>, choose: &str) -> String {
    let versions: Vec<String> = versions.map(escape).collect();
    format!("several versions of {} are in quarantine: choose by {choose}\n  {}", escape(key), versions.join("\n  "))
}
