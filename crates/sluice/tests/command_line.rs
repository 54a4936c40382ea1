//! What the program prints about its command line: the help of every command, and what is wrong with an argument.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use insta::assert_snapshot;

/// Every command, with its subcommands.
const COMMANDS: [&str; 21] = [
    "",
    "upload",
    "quarantine",
    "quarantine list",
    "quarantine show",
    "quarantine check",
    "quarantine remove",
    "quarantine release",
    "redrive",
    "backfill",
    "reconcile",
    "status",
    "bootstrap",
    "ingest",
    "ingest run-local",
    "schema",
    "schema check",
    "verify",
    "smoke provenance",
    "provenance",
    "provenance backfill",
];

/// Command lines that are rejected before AWS is called.
const REJECTED: [&str; 38] = [
    "",
    "nonsense",
    "upload",
    "upload nowhere.json",
    "upload a.txt",
    "upload -",
    "upload a.json",
    "upload a.json --outputs nowhere.json",
    "upload a.json --outputs a.txt",
    "upload a.json --outputs empty.json",
    "upload a.json --outputs off.json",
    "upload a.json --outputs two.json",
    "upload a.json --outputs two.json --deployment asia",
    "upload a.json --outputs off.json --deployment eu",
    "upload a.json --terraform nowhere",
    "upload a.json --jobs 0",
    "upload a.json --format json --outputs off.json",
    "quarantine remove a --version v --all-versions",
    "redrive --system other",
    "redrive --queue other",
    "backfill --since yesterday",
    "backfill --rate 0",
    "bootstrap",
    "bootstrap --markers --outputs old.json",
    "bootstrap --region Frankfurt",
    "bootstrap --region eu-west-1 --state-key /a",
    "ingest run-local nowhere.json",
    "schema check nowhere.json",
    "schema check a.json --schema nowhere.json",
    "schema check a.json --hash-key x",
    "verify --offline nowhere",
    "verify --offline nowhere --public-key nowhere.pem",
    "verify --public-key a.json",
    "verify --pin 7",
    "verify --jobs 0",
    "verify --outputs off.json",
    "provenance",
    "smoke",
];

/// The output of an ingest of an older version.
const INGEST: &str = r#"{"processing_bucket": "in", "quarantine_bucket": "out", "prefix": "", "table": "items",
    "hash_key": "ArtistID", "queue_url": "q", "event_dead_letter_url": "e", "queue_dead_letter_url": "d",
    "function": "f", "schema_key": "k", "max_object_bytes": 10}"#;

/// Runs the program in an empty folder without an environment.
fn run(line: &str, folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.env_clear().current_dir(folder).args(line.split_whitespace());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        let output = run(&format!("{command} --help"), folder.path());
        assert_eq!(output.status.code(), Some(0), "{command}");
        let name = format!("help {command}").trim().replace(' ', "-");
        assert_snapshot!(name, text(&output.stdout));
    }
}

#[test]
fn help_names_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(&run("--help", folder.path()).stdout);
    let listed = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    for command in listed.filter_map(|l| l.split_whitespace().next()).filter(|c| *c != "help") {
        assert!(COMMANDS.iter().any(|c| c.split(' ').next() == Some(command)), "{command} has no snapshot");
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{}").unwrap();
    std::fs::write(folder.path().join("a.txt"), "{}").unwrap();
    std::fs::write(folder.path().join("empty.json"), "{}").unwrap();
    std::fs::create_dir(folder.path().join("terraform")).unwrap();
    let off = r#"{"deployment": {"value": {"region": "eu-central-1"}}, "ingest": {"value": null}}"#;
    std::fs::write(folder.path().join("off.json"), off).unwrap();
    std::fs::write(folder.path().join("two.json"), format!(r#"{{"eu": {off}, "deployments": {{"us": {off}}}}}"#))
        .unwrap();
    let old = format!(r#"{{"deployment": {{"region": "eu-central-1"}}, "ingest": {INGEST}}}"#);
    std::fs::write(folder.path().join("old.json"), old).unwrap();
    let mut printed = String::new();
    for line in REJECTED {
        let output = run(line, folder.path());
        assert_eq!(output.status.code(), Some(2), "{line}: {}", text(&output.stderr));
        printed.push_str(&format!("$ sluice {line}\n{}{}\n", text(&output.stdout), text(&output.stderr)));
    }
    assert_snapshot!("usage-errors", printed);
}

/// No file to work on is reported without asking AWS.
#[test]
fn an_empty_folder_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let outputs = format!(r#"{{"deployment": {{"region": "eu-central-1"}}, "ingest": {INGEST}}}"#);
    std::fs::write(folder.path().join("outputs.json"), outputs).unwrap();
    let mut printed = String::new();
    for line in [
        "schema check empty",
        "schema check empty --format json",
        "upload empty --outputs outputs.json",
        "upload empty --outputs outputs.json --format json",
    ] {
        let output = run(line, folder.path());
        assert_eq!(output.status.code(), Some(1), "{line}: {}", text(&output.stderr));
        printed.push_str(&format!("$ sluice {line}\n{}{}\n", text(&output.stdout), text(&output.stderr)));
    }
    assert_snapshot!("no-file", printed);
}
