//! The command line: parses arguments, runs a check and sets the exit code.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the program's own output")]
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};
use iam_policy::PolicyKind;
use iam_policy::catalogue::{self, Service};
use jiff::{Timestamp, tz::TimeZone};
use policy_lint::diagnostic::Report;
use policy_lint::rule::{Persona, Severity};
use policy_lint::suppress::baseline::Baseline;
use policy_lint::{Request, report, rules};

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (catalogue {})", env!("CARGO_PKG_VERSION"), catalogue::DATE));

#[derive(Parser)]
#[command(name = "policy-lint", version = VERSION.as_str(), about = "An offline least-privilege linter for AWS IAM policies")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check policies, Terraform source, plans and states
    Check(CheckArgs),
    /// Print the page of a rule
    Explain {
        /// Name of the rule
        rule: String,
    },
    /// List the rules
    Rules {
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: ListFormat,
        /// File whose generated tables `--format markdown` updates
        #[arg(long, value_name = "FILE", default_value = "docs/rules.md")]
        document: PathBuf,
    },
    /// List the actions that match a pattern, with their access levels
    Expand {
        /// Action pattern, as in `s3:Get*`
        pattern: String,
    },
}

#[derive(Args)]
struct CheckArgs {
    /// Folders, Terraform files (*.tf, *.tf.json), policy documents (*.json) and output of `terraform show -json`; `-` reads standard input
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Kind of the policy documents; `auto` detects the kind of each document
    #[arg(long, default_value = "auto", value_parser = parse_kind)]
    kind: KindChoice,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the findings to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which findings to report
    #[arg(long, value_enum, default_value = "regular")]
    persona: PersonaChoice,
    /// Lowest severity that causes exit code 1
    #[arg(long, value_enum, default_value = "error")]
    fail_on: FailOn,
    /// File with values for Terraform variables, applied after the files that Terraform loads by itself
    #[arg(long, value_name = "FILE")]
    var_file: Vec<PathBuf>,
    /// Skip named files that are neither policies nor plans, as in folders, instead of failing
    #[arg(long)]
    skip_others: bool,
    /// Suppress the findings that are recorded in a baseline
    #[arg(long, value_name = "FILE", conflicts_with = "write_baseline")]
    baseline: Option<PathBuf>,
    /// Record all findings in a baseline and exit with 0
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// File of exceptions to use instead of the nearest `policy-lint.toml`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy)]
struct KindChoice(Option<PolicyKind>);

fn parse_kind(text: &str) -> Result<KindChoice, String> {
    if text == "auto" {
        return Ok(KindChoice(None));
    }
    let known = PolicyKind::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = PolicyKind::DECLARABLE.iter().map(|kind| kind.as_str()).collect();
        format!("`{text}` is not a kind of policy; use one of auto, {}", names.join(", "))
    })?;
    Ok(KindChoice(Some(known)))
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Text for people
    Text,
    /// JSON, version 1
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations for GitHub Actions
    Github,
}

#[derive(Clone, Copy, ValueEnum)]
enum ListFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Clone, Copy, ValueEnum)]
enum PersonaChoice {
    /// Defects that should be fixed
    Regular,
    /// Also style and hygiene
    Pedantic,
    /// Also everything worth reviewing
    Auditor,
}

impl From<PersonaChoice> for Persona {
    fn from(choice: PersonaChoice) -> Persona {
        match choice {
            PersonaChoice::Regular => Persona::Regular,
            PersonaChoice::Pedantic => Persona::Pedantic,
            PersonaChoice::Auditor => Persona::Auditor,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(arguments) => check(&arguments),
        Command::Explain { rule } => explain(&rule),
        Command::Rules { format: ListFormat::Text, .. } => {
            write_to(None, |out| report::text::write_rules(out)).map(|()| 0)
        }
        Command::Rules { format: ListFormat::Json, .. } => {
            write_to(None, |out| report::json::write_rules(out)).map(|()| 0)
        }
        Command::Rules { format: ListFormat::Markdown, document } => update_tables(&document),
        Command::Expand { pattern } => expand(&pattern),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            print_message("error", &message);
            ExitCode::from(2)
        }
    }
}

/// Prints a message to standard error. Continuation lines are indented, so that a line break in a file name or in a
/// quoted policy cannot imitate a message of its own.
fn print_message(level: &str, text: &str) {
    eprintln!("{level}: {}", untrusted_text::escape_lines(text).replace('\n', "\n  "));
}

fn check(arguments: &CheckArgs) -> Result<u8, String> {
    let wants_stdin = arguments.paths.iter().any(|p| p.as_os_str() == "-");
    let request = Request {
        paths: arguments.paths.iter().filter(|p| p.as_os_str() != "-").cloned().collect(),
        stdin: wants_stdin.then(read_stdin).transpose()?,
        var_files: arguments.var_file.clone(),
        skip_others: arguments.skip_others,
        kind: arguments.kind.0,
        persona: arguments.persona.into(),
        config: arguments.config.clone(),
        baseline: arguments.baseline.as_deref().map(read_baseline).transpose()?,
        today: today(),
    };
    let report = policy_lint::check(&request);
    if let Some(path) = &arguments.write_baseline {
        let text = Baseline::of(&report).to_text();
        std::fs::write(path, text).map_err(|e| format!("cannot write `{}`: {e}", path.display()))?;
        let line = format!("recorded in the baseline `{}`: {}", path.display(), report::text::summary(&report));
        println!("{}", untrusted_text::escape_line(&line));
        report.errors.iter().for_each(|error| print_message("error", error));
        return Ok(if report.errors.is_empty() { 0 } else { 2 });
    }
    report.notes.iter().for_each(|note| print_message("note", note));
    report.errors.iter().for_each(|error| print_message("error", error));
    let path = arguments.output.as_deref();
    write_to(path, |out| match arguments.format {
        Format::Text => report::text::write(&report, width(), colour(path), out),
        Format::Json => report::json::write(&report, out),
        Format::Sarif => report::sarif::write(&report, out),
        Format::Github => report::github::write(&report, out),
    })?;
    Ok(exit_code(&report, arguments.fail_on))
}

fn read_baseline(path: &Path) -> Result<Baseline, String> {
    let file = source_text::read(path).map_err(|e| e.to_string())?;
    Baseline::parse(path, &file.text)
}

fn exit_code(report: &Report, fail_on: FailOn) -> u8 {
    if !report.errors.is_empty() || report::has_unreadable_policies(report) {
        return 2;
    }
    let least = match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return 0,
    };
    u8::from(report.findings.iter().any(|f| f.finding.severity >= least))
}

fn explain(name: &str) -> Result<u8, String> {
    let rule = rules::find(name).ok_or_else(|| {
        let suggestion = rules::suggestion(name);
        let help = if suggestion.is_empty() { "; `policy-lint rules` lists the rules" } else { &suggestion };
        format!("`{name}` is not a rule{help}")
    })?;
    write_to(None, |out| out.write_all(rule.doc.as_bytes())).map(|()| 0)
}

fn expand(pattern: &str) -> Result<u8, String> {
    let (prefix, name) = pattern
        .split_once(':')
        .ok_or_else(|| format!("`{pattern}` is not an action pattern; write it as in `s3:Get*`"))?;
    let service = Service::find(prefix).ok_or_else(|| {
        let near = iam_policy::spelling::closest(prefix, Service::all().map(Service::prefix));
        format!(
            "`{prefix}` is not an AWS service{}",
            near.map_or_else(String::new, |n| format!("; did you mean `{n}`?"))
        )
    })?;
    let actions: Vec<_> = service.matching(name).collect();
    if actions.is_empty() {
        return Err(format!("`{pattern}` matches no action of {}", service.title()));
    }
    write_to(None, |out| actions.iter().try_for_each(|a| writeln!(out, "{}\t{}", a.full_name(), a.level().as_str())))
        .map(|()| 0)
}

fn update_tables(document: &Path) -> Result<u8, String> {
    let shown = document.display();
    let text = source_text::read(document).map_err(|e| e.to_string())?;
    let fresh = report::tables::update(&text.text).ok_or_else(|| {
        format!("`{shown}` has no generated table: mark one with `<!-- generated: rules -->` and `<!-- end -->`")
    })?;
    std::fs::write(document, fresh).map_err(|e| format!("cannot write `{shown}`: {e}"))?;
    Ok(0)
}

fn read_stdin() -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map_err(|e| format!("cannot read standard input: {e}"))?;
    Ok(bytes)
}

/// Writes to a file or to standard output. A closed pipe is not an error.
fn write_to(path: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let out: Box<dyn Write> = match path {
        Some(path) => Box::new(File::create(path).map_err(|e| format!("cannot write `{}`: {e}", path.display()))?),
        None if colour(path) => Box::new(anstream::stdout().lock()),
        None => Box::new(io::stdout().lock()),
    };
    let mut writer = BufWriter::with_capacity(1 << 16, out);
    match write(&mut writer).and_then(|()| writer.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write the output: {e}")),
        _ => Ok(()),
    }
}

/// Whether the output is coloured: it goes to a terminal, and the environment (`NO_COLOR`, `CLICOLOR`) allows colours.
fn colour(path: Option<&Path>) -> bool {
    path.is_none() && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    columns.or_else(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0))).unwrap_or(140)
}

/// The current date in UTC, `YYYY-MM-DD`.
fn today() -> String {
    Timestamp::now().to_zoned_datetime(TimeZone::UTC).date().to_string()
}
