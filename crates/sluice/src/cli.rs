//! The command line.

use clap::Parser;

use crate::commands::Command;
use crate::globals::Globals;

/// The operator's tool for a Sluice deployment
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:
  sluice upload 4evr.json
  sluice status

Resource names are read from Terraform's outputs. Credentials come from the usual AWS sources; each command then assumes
a role of the deployment.
Exit code: 0 success, or the object exists; 1 partial failure, mismatch, or the object does not exist; 2 usage or
environment error."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn assert_examples(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example:\n  sluice "), "{path} has no example");
        assert!(command.get_about().is_some(), "{path} has no description");
        command.get_subcommands().for_each(|c| assert_examples(c, &path));
    }

    #[test]
    fn conflicting_options_are_rejected() {
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
            "smoke provenance --skip-log --deployment eu",
            "bootstrap --markers --outputs f --deployment eu",
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
            "smoke provenance --skip-log --require-log",
            "bootstrap --markers --region eu-west-1",
            "bootstrap --markers --smoke-test",
            "redrive --system other",
        ] {
            assert!(!parses(line), "{line}");
        }
    }

    #[test]
    fn every_command_has_a_description_and_an_example() {
        let command = Cli::command();
        command.clone().debug_assert();
        assert_examples(&command, "");
    }
}
