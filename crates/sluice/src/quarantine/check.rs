//! `quarantine check`: is it there? For scripts, by the exit code.

use serde_json::json;

use super::{Ward, Which, does_not_exist, exists};
use crate::report::{Ended, Report};

/// Says whether a key is in quarantine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine check 4evr.json && echo refused

Exit code: 0 it is there, 1 it is not, 2 it could not be found out.")]
pub struct Check {
    #[command(flatten)]
    which: Which,
}

pub(super) async fn run(ward: &Ward, args: &Check, report: &Report) -> anyhow::Result<Ended> {
    let (key, bucket) = (&args.which.key, ward.bucket());
    let found = ward.find(&args.which).await?;
    let versions: Vec<&str> = found.iter().map(super::Found::version_id).collect();
    let there = !found.is_empty();
    let text = if there { exists(key, bucket) } else { does_not_exist(key, bucket) };
    report.line(text, &json!({"key": key, "bucket": bucket, "exists": there, "versions": versions}));
    Ok(Ended::when(there))
}
