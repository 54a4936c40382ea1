//! `ingest run-local`: the Lambda's own core on one event, on this machine, with your credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ingest::Ingest as Core;
use ingest::outcome::Outcome;
use ingest::settings::Settings;
use serde_json::{Value, json};

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::files::{read_limited, shown};
use crate::outputs::{Ingest as Names, System};
use crate::report::{Ended, Report};

/// Lambda takes no larger event; more bytes than this are something else.
const MAX_EVENT: u64 = 6 * 1024 * 1024;
/// What a local run may take.
const TIME: Duration = Duration::from_secs(300);

/// Works with the ingest itself
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice ingest run-local event.json")]
pub struct Ingest {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    RunLocal(RunLocal),
}

/// Brings what one event announces to its end, here instead of in Lambda
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice ingest run-local event.json

EVENT.json is an `Object Created` event of EventBridge, an S3 notification, or a batch of a queue. The effects are real:
the table, the quarantine and the notices of the deployment. It runs with your own credentials.
Exit code: 0 ended, 1 something could not be ended, 2 the event cannot be read.")]
struct RunLocal {
    /// The event
    #[arg(value_name = "EVENT.json")]
    event: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the event or the deployment cannot be read.
pub async fn run(shared: &Shared, args: &Ingest, report: &mut Report) -> anyhow::Result<Ended> {
    let Command::RunLocal(args) = &args.command;
    let shown = shown(&args.event);
    let bytes = read_limited(&args.event, MAX_EVENT).with_context(|| format!("cannot read the event `{shown}`"))?;
    let event: Value = serde_json::from_slice(&bytes).with_context(|| format!("the event `{shown}` is not JSON"))?;
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Caller)).await?;
    let core = Arc::new(Core::new(&config, settings(outputs.ingest()?)?));
    let answer = lambda_support::invocation::handle(&core, event, TIME).await;
    report.mark_changed();
    let failed = match &answer {
        Ok(answer) => answer.batch_item_failures.len(),
        Err(_) => 1,
    };
    if let Err(error) = answer {
        report.note(error);
    }
    report.line(
        if failed == 0 {
            "ended; the lines above say how".to_owned()
        } else {
            format!("{failed} could not be ended; the lines above say why")
        },
        &json!({"failed": failed}),
    );
    Ok(Ended::when(failed == 0))
}

fn settings(names: &Names) -> anyhow::Result<Settings> {
    let notify_on: Option<Vec<Outcome>> =
        names.notify_on.iter().map(|name| Outcome::ALL.into_iter().find(|end| end.name() == name)).collect();
    Ok(Settings {
        processing_bucket: names.processing_bucket.clone(),
        quarantine_bucket: names.quarantine_bucket.clone(),
        prefix: names.prefix.clone(),
        table: names.table.clone(),
        hash_key: names.hash_key.clone(),
        range_key: names.range_key().map(str::to_owned),
        schema_sha256: names.schema_sha256.clone(),
        check_item_id: names.check_item_id,
        max_object_bytes: names.max_object_bytes,
        notify_on: notify_on
            .context("the output `ingest.notify_on` names an outcome that this version does not know: use the `sluice` of the version that was applied")?,
        topic_arn: names.topic_arn.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outputs_are_the_settings() {
        let names = Names { notify_on: vec!["invalid".into(), "too-large".into()], ..crate::outputs::tests::ingest() };
        let made = settings(&names).unwrap();
        assert_eq!(made.notify_on, [Outcome::Invalid, Outcome::TooLarge]);
        assert_eq!((made.range_key, made.table.as_str()), (None, "items"));
        assert!(settings(&Names { notify_on: vec!["new".into()], ..names }).is_err());
    }
}
