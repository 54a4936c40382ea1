//! The operator's tool: uploads files, manages the quarantine and the dead-letter queues, replays lost events and
//! verifies the evidence.
//!
//! Each command is a module of [`commands`]. It reads the names of the deployment ([`outputs`]), acts as one of the
//! deployment's roles ([`aws::session`]) and prints through [`report`]. Imports go one way: commands use the shared
//! modules, and no command imports another.

mod aws;
mod cli;
mod cloudtrail;
mod commands;
mod event_replay;
mod globals;
mod key_selection;
mod local_files;
mod operator_log;
mod outputs;
mod quarantined_versions;
mod report;
mod time;
#[cfg(test)]
mod tools_page;
mod version_audit;
mod version_selection;

use std::process::ExitCode;

use clap::Parser;
use untrusted_text::escape;

use crate::cli::Cli;
use crate::report::{ExitStatus, Format, Report};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error),
    };
    let mut report = Report::new(cli.globals.format);
    let code = match commands::run(&cli.globals, &cli.command, &mut report).await {
        Ok(ExitStatus::Success) => 0,
        Ok(ExitStatus::Failure) => 1,
        Err(error) => {
            report.error(&error);
            2
        }
    };
    ExitCode::from(exit_code(&report, code))
}

/// `code`, or a higher one if the results could not be written: 1 if the command has changed something, otherwise 2.
fn exit_code(report: &Report, code: u8) -> u8 {
    let Some(error) = report.write_error() else {
        return code;
    };
    let hint = if report.changed() { "; the changes were made, run the command again to see the rest" } else { "" };
    report.note(format_args!("cannot write the results: {error}{hint}"));
    code.max(if report.changed() { 1 } else { 2 })
}

/// Prints the help, or what is wrong with the command line. Arguments that clap repeats are escaped: they may be file
/// names chosen by others.
fn print_usage(error: &clap::Error) -> ExitCode {
    let report = Report::new(Format::Text);
    let mut text = error.to_string();
    if !error.use_stderr() {
        report.help(text);
        return ExitCode::from(exit_code(&report, 0));
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
