//! The commands, one module each.

mod backfill;
mod bootstrap;
mod provenance_backfill;
mod quarantine;
mod reconcile;
mod redrive;
mod run_local;
mod schema;
mod smoke;
mod status;
mod upload;
mod verify;

use clap::Subcommand;

use crate::globals::Globals;
use crate::report::{ExitStatus, Report};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Upload(upload::UploadArgs),
    Quarantine(quarantine::QuarantineArgs),
    Redrive(redrive::RedriveArgs),
    Backfill(backfill::BackfillArgs),
    Reconcile(reconcile::ReconcileArgs),
    Status(status::StatusArgs),
    Bootstrap(bootstrap::BootstrapArgs),
    Ingest(run_local::IngestArgs),
    Schema(schema::SchemaArgs),
    Verify(verify::VerifyArgs),
    Smoke(smoke::SmokeArgs),
    Provenance(provenance_backfill::ProvenanceArgs),
}

/// Runs one command.
///
/// # Errors
/// Usage and environment errors: exit code 2.
pub(crate) async fn run(globals: &Globals, command: &Command, report: &mut Report) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Upload(args) => upload::run(globals, args, report).await,
        Command::Quarantine(args) => quarantine::run(globals, args, report).await,
        Command::Redrive(args) => redrive::run(globals, args, report).await,
        Command::Backfill(args) => backfill::run(globals, args, report).await,
        Command::Reconcile(args) => reconcile::run(globals, args, report).await,
        Command::Status(args) => status::run(globals, args, report).await,
        Command::Bootstrap(args) => bootstrap::run(globals, args, report).await,
        Command::Ingest(args) => run_local::run(globals, args, report).await,
        Command::Provenance(args) => provenance_backfill::run(globals, args, report).await,
        Command::Smoke(args) => smoke::run(globals, args, report).await,
        Command::Verify(args) => verify::run(globals, args, report).await,
        Command::Schema(args) => schema::run(globals, args, report).await,
    }
}
