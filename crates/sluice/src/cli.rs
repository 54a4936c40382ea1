//! The command line: what all commands share, and their list.

use clap::{Parser, Subcommand};

use crate::aws::Role;
use crate::outputs::From;
use crate::report::Format;
use crate::{
    backfill, bootstrap, quarantine, reconcile, record, redrive, run_local, schema, smoke, status, upload, verify,
};

/// The operator's tool of Sluice: from the first bucket to the last dead letter
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:
  sluice upload 4evr.json
  sluice status

Names come from Terraform's outputs; credentials as for every AWS tool, and the deployment's roles are assumed.
Exit code: 0 done or exists, 1 does not exist, partial failure or mismatch, 2 usage or environment error."
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
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example:\n  sluice "), "{path} has no example");
        assert!(command.get_about().is_some(), "{path} says nothing");
        command.get_subcommands().for_each(|c| examples(c, &path));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let pin = format!("7:{}", "0".repeat(64));
        let parses = |line: &str| {
            let words = std::iter::once("sluice").chain(line.split_whitespace());
            Cli::try_parse_from(words).is_ok()
        };
        for line in [
            "verify",
            "verify s3://raw/a b --grace 0 --jobs 8 --resume done --at 2h --strict --removed-ok",
            "verify --offline d --public-key k --at 2026-11-23",
            &format!("verify --file a --file b --pin {pin} --pin {pin}"),
            "provenance backfill incoming/ --yes --rate 5 --list",
            "smoke provenance --wait 1200 --require-log --format json",
            "redrive --system provenance --yes",
            "status --system provenance --as auditor",
        ] {
            assert!(parses(line), "{line}");
        }
        for line in [
            "verify --offline d",
            "verify --offline d --public-key k incoming/",
            "verify --offline d --public-key k --resume r",
            "verify --fast --resume r",
            "verify --file a incoming/",
            "verify --pin 7",
            "verify --jobs 0",
            "provenance",
            "smoke",
            "redrive --system other",
        ] {
            assert!(!parses(line), "{line}");
        }
    }

    /// 003.25: every command says what it is for, with an example.
    #[test]
    fn every_command_has_an_example() {
        let command = Cli::command();
        command.clone().debug_assert();
        examples(&command, "");
    }
}
