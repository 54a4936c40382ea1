//! `smoke`: sends one test file through a system and checks the results.

mod checks;
mod evidence_wait;
mod test_file;
mod trail_search;

use std::time::Duration;

use crate::aws::s3::Store;
use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::outputs::System;
use crate::report::{ExitStatus, Report};
use checks::Checks;
use evidence_wait::{Missing, check_name};
use trail_search::TrailSearch;

/// Sends a test file through a system and checks the results
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice smoke provenance")]
pub(crate) struct SmokeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Provenance(ProvenanceArgs),
}

/// Checks that a file is stored, encrypted, given a receipt and logged by the trail
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice smoke provenance
  sluice smoke provenance --skip-log --wait 120

The uploader role puts a file and reads it back. The auditor role then finds its receipt, and both requests, by their
request IDs, in the trail's log files, which AWS delivers 5 to 15 minutes late. The file and its receipt are not deleted:
they are evidence.
Exit code: 0 every check passed, 1 a check failed or is missing, 2 usage or environment error.")]
struct ProvenanceArgs {
    /// How long to wait for the receipt and the trail's log files
    #[arg(long, default_value_t = 1200, value_name = "SECONDS")]
    wait: u64,
    /// Do not look for the requests in the trail's log files
    #[arg(long)]
    skip_log: bool,
    /// Also wait for the trail's log files; this is the default
    #[arg(long, hide = true, conflicts_with = "skip_log")]
    require_log: bool,
}

pub(crate) async fn run(globals: &Globals, args: &SmokeArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let Command::Provenance(args) = &args.command;
    let outputs = globals.outputs.read()?;
    let names = outputs.provenance()?;
    let session_as = |default| session(&outputs, System::Provenance, globals.role_or(default));
    let uploader = session_as(Role::Uploader).await?;
    let auditor = Store::new(&session_as(Role::Auditor).await?);
    report.mark_changed();
    let mut checks = Checks::new(report);
    let Some(mut file) = test_file::put(&uploader, names, &mut checks).await? else {
        return Ok(checks.finish(None));
    };
    let requests = std::mem::take(&mut file.requests);
    let mut missing = Missing { receipt: !file.version.version_id.is_empty(), requests };
    if args.skip_log {
        for request in missing.requests.drain(..) {
            checks.print_open(check_name(request.event_name), "not looked for because of --skip-log");
        }
    }
    let search = TrailSearch::new(&auditor, names, &outputs.region, file.at);
    let wait = Duration::from_secs(args.wait);
    evidence_wait::wait_for(missing, &auditor, names, &file, search, wait, &mut checks).await?;
    Ok(checks.finish(Some(&file.version)))
}
