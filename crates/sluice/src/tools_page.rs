//! The generated part of `docs/tools.md`: every command with its parameters, environment variables and examples.

use clap::{Arg, Command, CommandFactory};

use crate::cli::Cli;

const BEGIN: &str = "<!-- generated: sluice -->\n";
const END: &str = "<!-- end of the generated part -->";
const HEAD: &str = "| parameter | default | environment | meaning |\n| --- | --- | --- | --- |\n";

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

/// `` `a`, `b` ``
fn quoted(values: impl Iterator<Item = impl std::fmt::Display>) -> String {
    values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

/// An argument as it is written on the command line.
fn parameter(arg: &Arg) -> String {
    let values: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let values = values.join(" ");
    match arg.get_long() {
        None => format!("`{values}`"),
        Some(long) if arg.get_action().takes_values() => format!("`--{long} {values}`"),
        Some(long) => format!("`--{long}`"),
    }
}

fn row(arg: &Arg) -> String {
    let takes_values = arg.get_action().takes_values();
    let defaults =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).filter(|value| !value.is_empty());
    let default = match arg.is_required_set() {
        true => "required".to_owned(),
        false => quoted(defaults.filter(|_| takes_values)),
    };
    let environment = quoted(arg.get_env().into_iter().map(|name| name.to_string_lossy()));
    let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let possible: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if takes_values && !possible.is_empty() {
        meaning.push_str(&format!(": {}", quoted(possible.iter())));
    }
    format!("| {} | {default} | {environment} | {} |\n", cell(&parameter(arg)), cell(&meaning))
}

fn table(command: &Command, global: bool) -> String {
    let is_shown = |arg: &&Arg| !arg.is_hide_set() && arg.is_global_set() == global;
    let rows: String = command.get_arguments().filter(is_shown).map(row).collect();
    if rows.is_empty() { rows } else { format!("{HEAD}{rows}\n") }
}

/// The examples in the help of a command.
fn examples(command: &Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().skip_while(|line| *line != "Example:").skip(1).take_while(|line| !line.is_empty());
    let lines: String = lines.map(|line| format!("{}\n", line.trim_start())).collect();
    format!("```sh\n{lines}```\n")
}

/// The section of a command without subcommands, or those of its subcommands.
fn section(command: &Command, path: &str) -> String {
    let path = format!("{path} {}", command.get_name());
    if command.has_subcommands() {
        return command.get_subcommands().map(|subcommand| section(subcommand, &path)).collect();
    }
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    format!("### `{path}`\n\n{about}.\n\n{}{}\n", table(command, false), examples(command))
}

fn page() -> String {
    let command = Cli::command();
    let name = command.get_name().to_owned();
    let sections: String = command.get_subcommands().map(|subcommand| section(subcommand, &name)).collect();
    format!("### Parameters of every command\n\n{}{sections}", table(&command, true))
}

/// To update the page: `SLUICE_WRITE=1 cargo test --workspace --bin sluice the_page_has_every_parameter`.
#[test]
fn the_page_has_every_parameter() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tools.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (current, after) = rest.split_once(END).unwrap();
    let generated = page();
    if std::env::var_os("SLUICE_WRITE").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{generated}{END}{after}")).unwrap();
        return;
    }
    assert!(current == generated, "docs/tools.md is outdated: update it with SLUICE_WRITE=1");
}

#[test]
fn each_parameter_has_its_row() {
    let generated = page();
    for row in [
        "| `PATH` | required |  | Files (the key is the base name)",
        "| `--outputs FILE` |  | `SLUICE_OUTPUTS` | Read the outputs from FILE",
        "| `--format FORMAT` | `text` |  | Output format; json prints one JSON object per line: `text`, `json` |",
        "| `--jobs JOBS` | `16` |  | How many files to upload concurrently |",
        "| `--markers` |  |  | After apply:",
        "### `sluice quarantine remove`",
        "```sh\nsluice upload 4evr.json\n",
    ] {
        assert!(generated.contains(row), "{row}\n{generated}");
    }
    assert!(!generated.contains("--require-log"), "hidden parameters are not listed");
}
