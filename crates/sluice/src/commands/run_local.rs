//! `ingest run-local`: runs the ingest function on one event, on this machine and with the caller's credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ingest::Ingest as IngestFunction;
use ingest::settings::Settings;
use serde_json::{Value, json};

use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::local_files::{read_limited, shown};
use crate::outputs::{Ingest as Names, System};
use crate::report::{ExitStatus, Report};

/// Lambda's limit on an event, in bytes.
const MAX_EVENT: u64 = 6 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(300);

/// Runs the ingest function locally
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice ingest run-local event.json")]
pub(crate) struct IngestArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    RunLocal(RunLocalArgs),
}

/// Processes one event on this machine instead of in Lambda
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice ingest run-local event.json

EVENT.json is an `Object Created` event of EventBridge, an S3 notification, or an SQS batch. The effects are real: the run
stores items, moves files to quarantine, which deletes them in the processing bucket, and publishes notifications. It
runs with your own credentials; no role of the deployment except the function's has all permissions.
Exit code: 0 processed, 1 an object could not be processed, 2 usage or environment error.")]
struct RunLocalArgs {
    /// The file with the event
    #[arg(value_name = "EVENT.json")]
    event: PathBuf,
}

pub(crate) async fn run(globals: &Globals, args: &IngestArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let Command::RunLocal(args) = &args.command;
    let shown = shown(&args.event);
    let bytes = read_limited(&args.event, MAX_EVENT).with_context(|| format!("cannot read the event `{shown}`"))?;
    let event: Value =
        serde_json::from_slice(&bytes).with_context(|| format!("the event `{shown}` is not valid JSON"))?;
    let outputs = globals.outputs.read()?;
    let config = session(&outputs, System::Ingest, globals.role_or(Role::Caller)).await?;
    let function = Arc::new(IngestFunction::new(&config, settings(outputs.ingest()?)?));
    let answer = lambda_support::invocation::handle(&function, event, TIMEOUT).await;
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
            "processed; the lines above show the outcome".to_owned()
        } else {
            format!("{failed} could not be processed; the lines above show the cause")
        },
        &json!({"failed": failed}),
    );
    Ok(ExitStatus::success_if(failed == 0))
}

/// The function's settings, read from the environment that Terraform gives it.
fn settings(names: &Names) -> anyhow::Result<Settings> {
    let environment = names.environment()?;
    Settings::read(|name| environment.get(name).cloned()).context(
        "the output `ingest.environment` does not fit this version: use the `sluice` of the version that was applied",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingest::outcome::Outcome;

    #[test]
    fn settings_are_read_from_the_environment_in_the_outputs() {
        let made = settings(&crate::outputs::tests::ingest()).unwrap();
        assert_eq!(made.notify_on, [Outcome::Invalid, Outcome::TooLarge]);
        assert_eq!((made.range_key, made.table.as_str(), made.max_object_bytes), (None, "items", 10));
    }

    #[test]
    fn an_environment_of_another_version_is_an_error() {
        let mut names = crate::outputs::tests::document()["ingest"]["value"].clone();
        names["environment"]["ingest"].as_object_mut().unwrap().remove("TABLE");
        let error = format!("{:#}", settings(&serde_json::from_value(names.clone()).unwrap()).unwrap_err());
        assert!(error.contains("`ingest.environment`") && error.contains("`TABLE`"), "{error}");
        names.as_object_mut().unwrap().remove("environment");
        let error = settings(&serde_json::from_value(names).unwrap()).unwrap_err().to_string();
        assert!(error.contains("no `ingest.environment`: run `terraform apply`"), "{error}");
    }
}
