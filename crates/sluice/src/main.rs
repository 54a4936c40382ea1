//! The operator's tool: uploads, looks after the quarantine and the dead letters, announces what was missed.
//!
//! A command is a file: it reads the names of the deployment ([`outputs`]), acts as one of its roles ([`aws`]), and
//! tells what came of it ([`report`]). Whatever it moves is in two places before it is deleted from one.

mod aws;
mod backfill;
mod bootstrap;
mod cli;
mod clock;
mod failure;
mod files;
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
mod trail;
mod upload;
mod verify;
mod version_outcome;

use std::process::ExitCode;

use clap::Parser;
use untrusted_text::escape;

use crate::cli::{Cli, Command};
use crate::report::{Ended, Format, Report};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let mut report = Report::new(cli.shared.format);
    let code = match run(&cli, &mut report).await {
        Ok(Ended::Done) => 0,
        Ok(Ended::Not) => 1,
        Err(error) => {
            report.error(&error);
            2
        }
    };
    ExitCode::from(written(&report, code))
}

/// The exit code, once the results are written: 2 if they could not be, or 1 if the command has changed something.
fn written(report: &Report, code: u8) -> u8 {
    let Some(error) = report.write_error() else {
        return code;
    };
    let done = if report.changed() { "; what it did is done, run it again to see the rest" } else { "" };
    report.note(format_args!("cannot write the results: {error}{done}"));
    code.max(if report.changed() { 1 } else { 2 })
}

/// The help, or what is wrong with the command line. Arguments may be file names of others, so those that clap repeats
/// are escaped.
fn usage(error: &clap::Error) -> ExitCode {
    let report = Report::new(Format::Text);
    let mut text = error.to_string();
    if !error.use_stderr() {
        report.help(text);
        return ExitCode::from(written(&report, 0));
    }
    for argument in std::env::args_os().skip(1) {
        let argument = argument.to_string_lossy();
        if argument.chars().any(char::is_control) {
            text = text.replace(&*argument, &escape(&argument));
        }
    }
    report.note(text.trim_end());
    ExitCode::from(2)
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
