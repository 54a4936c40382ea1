//! The operator's tool: uploads, looks after the quarantine and the dead letters, announces what was missed.
//!
//! A command is a file: it reads the names of the deployment ([`outputs`]), acts as one of its roles ([`aws`]), and
//! tells what came of it ([`report`]). Whatever it moves is in two places before it is deleted from one.

mod aws;
mod backfill;
mod bootstrap;
mod cli;
mod clock;
mod operator_record;
mod outputs;
mod quarantine;
mod queue;
mod range;
mod reconcile;
mod record;
mod redrive;
mod report;
mod run_local;
mod schema;
mod send;
mod smoke;
mod status;
mod store;
mod target;
mod time;
mod upload;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::report::{Ended, Report};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut report = Report::new(cli.shared.format);
    match run(&cli, &mut report).await {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Not) => ExitCode::FAILURE,
        Err(error) => {
            report.error(&error);
            ExitCode::from(2)
        }
    }
}

async fn run(cli: &Cli, report: &mut Report) -> anyhow::Result<Ended> {
    let shared = &cli.shared;
    match &cli.command {
        Command::Upload(args) => upload::run(shared, args, report).await,
        Command::Quarantine(args) => quarantine::run(shared, args, report).await,
        Command::Redrive(args) => redrive::run(shared, args, report).await,
        Command::Backfill(args) => backfill::run(shared, args, report).await,
        Command::Reconcile(args) => reconcile::run(shared, args, report).await,
        Command::Status(args) => status::run(shared, args, report).await,
        Command::Bootstrap(args) => bootstrap::run(shared, args, report).await,
        Command::Ingest(args) => run_local::run(shared, args, report).await,
        Command::Provenance(args) => record::run(shared, args, report).await,
        Command::Smoke(args) => smoke::run(shared, args, report).await,
        Command::Verify(args) => verify::run(shared, args, report).await,
        Command::Schema(args) => schema::run(shared, args, report).await,
    }
}
