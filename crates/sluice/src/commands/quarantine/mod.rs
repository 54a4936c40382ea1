//! `quarantine`: lists, shows, removes and releases refused versions.

mod check;
mod list;
mod lookup;
mod release;
mod release_effects;
mod release_protocol;
mod remove;
mod show;

use aws_config::SdkConfig;

use crate::aws::s3::Store;
use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::operator_log::OperatorLog;
use crate::outputs::{Outputs, System};
use crate::report::{ExitStatus, Report};
use lookup::Quarantine;

/// Manages refused versions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine list
  sluice quarantine show 4evr.json
  sluice quarantine release 4evr.json")]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Check(check::CheckArgs),
    Remove(remove::RemoveArgs),
    Release(release::ReleaseArgs),
}

pub(crate) async fn run(globals: &Globals, args: &QuarantineArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let outputs = globals.outputs.read()?;
    let config = session(&outputs, System::Ingest, globals.role_or(Role::Operator)).await?;
    let quarantine = Quarantine { store: Store::new(&config), ingest: outputs.ingest()?.clone() };
    match &args.command {
        Command::List(args) => list::run(&quarantine, args, report).await,
        Command::Show(args) => show::run(&quarantine, args, report).await,
        Command::Check(args) => check::run(&quarantine, args, report).await,
        Command::Remove(args) => {
            let log = open_log(&outputs, &config, args.reason.as_deref(), report).await?;
            remove::run(&quarantine, args, &log, report).await
        }
        Command::Release(args) => {
            let log = open_log(&outputs, &config, args.reason.as_deref(), report).await?;
            release::run(&quarantine, args, &log, report).await
        }
    }
}

/// Opens the log in which an action is recorded before it is performed.
async fn open_log(
    outputs: &Outputs,
    config: &SdkConfig,
    reason: Option<&str>,
    report: &Report,
) -> anyhow::Result<OperatorLog> {
    let log = OperatorLog::open(outputs, System::Ingest, config, reason).await?;
    if reason.is_some() && !log.is_enabled() {
        report.note("the reason is not recorded: provenance is off or does not watch the processing bucket");
    }
    Ok(log)
}
