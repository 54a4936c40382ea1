//! The command line: what all commands share, and their list.

use clap::{Parser, Subcommand};

use crate::aws::Role;
use crate::outputs::From;
use crate::report::Format;
use crate::{
    backfill, bootstrap, quarantine, reconcile, record, redrive, run_local, schema, smoke, status,
    upload, verify,
};

/// The operator's tool of Sluice: from the first bucket to the last dead letter
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:
  sluice upload 4evr.json
  sluice status

Names come from Terraform's outputs; credentials as for every AWS tool, and the deployment's roles are assumed.
Exit code: 0 done or exists, 1 does not exist, partial failure or mismatch, 2 nothing could be done or told."
)]
pub struct Cli {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Command,
}

/// What all commands share.
#[derive(Debug, clap::Args)]
pub struct Shared {
    #[command(flatten)]
    pub from: From,
    /// How results are written; json = one object a line
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Act as another role than the command's own
    #[arg(long = "as", global = true, value_enum, value_name = "ROLE")]
    pub role: Option<Role>,
}

impl Shared {
    /// The role to act as.
    #[must_use]
    pub fn role(&self, usual: Role) -> Role {
        self.role.unwrap_or(usual)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Upload(upload::Upload),
    Quarantine(quarantine::Quarantine),
    Redrive(redrive::Redrive),
    Backfill(backfill::Backfill),
    Reconcile(reconcile::Reconcile),
    Status(status::Status),
    Bootstrap(bootstrap::Bootstrap),
    Ingest(run_local::Ingest),
    Schema(schema::Schema),
    Verify(verify::Verify),
    Smoke(smoke::Smoke),
    Provenance(record::Provenance),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn examples(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(
            help.contains("Example:\n  sluice "),
            "{path} has no example"
        );
        assert!(command.get_about().is_some(), "{path} says nothing");
        command.get_subcommands().for_each(|c| examples(c, &path));
    }

    /// 003.25: every command says what it is for, with an example.
    #[test]
    fn every_command_has_an_example() {
        let command = Cli::command();
        command.clone().debug_assert();
        examples(&command, "");
    }
}
