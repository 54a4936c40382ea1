//! Arguments -> run -> exit code.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the program's own output")]
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};
use iam_policy::PolicyKind;
use iam_policy::catalogue::{self, Service};
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
    /// Show the page of a rule
    Explain {
        /// The rule's name
        rule: String,
    },
    /// List the rules
    Rules {
        /// How to write the list
        #[arg(long, value_enum, default_value = "text")]
        format: ListFormat,
        /// The document whose tables `--format markdown` makes anew
        #[arg(long, value_name = "FILE", default_value = "docs/rules.md")]
        document: PathBuf,
    },
    /// List the actions that a pattern stands for, with their access levels
    Expand {
        /// As in `s3:Get*`
        pattern: String,
    },
}

#[derive(Args)]
struct CheckArgs {
    /// Folders, Terraform files (*.tf, *.tf.json), policy documents (*.json), outputs of `terraform show -json`; `-` is standard input
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// What raw policies are; `auto` looks at each document
    #[arg(long, default_value = "auto", value_parser = parse_kind)]
    kind: KindChoice,
    /// How to write the findings
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the findings to a file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Who is asking: `regular` is quiet, `pedantic` adds hygiene, `auditor` everything worth a look
    #[arg(long, value_enum, default_value = "regular")]
    persona: PersonaChoice,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, default_value = "error")]
    fail_on: FailOn,
    /// Values for Terraform variables, after Terraform's own files
    #[arg(long, value_name = "FILE")]
    var_file: Vec<PathBuf>,
    /// Leave files alone that are neither policies nor plans, as in a folder, even when they are named
    #[arg(long)]
    skip_others: bool,
    /// Hide the findings that a baseline has
    #[arg(long, value_name = "FILE", conflicts_with = "write_baseline")]
    baseline: Option<PathBuf>,
    /// Write all findings to a baseline and exit with 0
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// The file of exceptions, instead of the nearest `policy-lint.toml`
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
        format!("there is no kind `{text}`; take one of auto, {}", names.join(", "))
    })?;
    Ok(KindChoice(Some(known)))
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines, version 1
    Json,
    /// For code scanning, 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
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
    /// Quiet: what should be mended
    Regular,
    /// Adds hygiene
    Pedantic,
    /// Adds everything worth a look
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
    let done = match Cli::parse().command {
        Command::Check(arguments) => check(&arguments),
        Command::Explain { rule } => explain(&rule),
        Command::Rules { format: ListFormat::Text, .. } => {
            write_to(None, |out| report::text::write_rules(out)).map(|()| 0)
        }
        Command::Rules { format: ListFormat::Json, .. } => {
            write_to(None, |out| report::json::write_rules(out)).map(|()| 0)
        }
        Command::Rules { format: ListFormat::Markdown, document } => refresh(&document),
        Command::Expand { pattern } => expand(&pattern),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            say("error", &message);
            ExitCode::from(2)
        }
    }
}

/// A message on standard error. It may name files and quote policies, so further lines are indented: a file's name
/// cannot pass for a message of its own.
fn say(level: &str, text: &str) {
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
    let found = policy_lint::check(&request);
    if let Some(path) = &arguments.write_baseline {
        let text = Baseline::of(&found).to_text();
        std::fs::write(path, text).map_err(|e| format!("cannot write `{}`: {e}", path.display()))?;
        let line = format!("{} in the baseline `{}`", report::text::tally(&found), path.display());
        println!("{}", untrusted_text::escape_line(&line));
        found.errors.iter().for_each(|error| say("error", error));
        return Ok(if found.errors.is_empty() { 0 } else { 2 });
    }
    found.notes.iter().for_each(|note| say("note", note));
    found.errors.iter().for_each(|error| say("error", error));
    let path = arguments.output.as_deref();
    write_to(path, |out| match arguments.format {
        Format::Text => report::text::write(&found, width(), colour(path), out),
        Format::Json => report::json::write(&found, out),
        Format::Sarif => report::sarif::write(&found, out),
        Format::Github => report::github::write(&found, out),
    })?;
    Ok(exit_code(&found, arguments.fail_on))
}

fn read_baseline(path: &Path) -> Result<Baseline, String> {
    let file = source_text::read(path).map_err(|e| e.to_string())?;
    Baseline::parse(path, &file.text)
}

fn exit_code(report: &Report, fail_on: FailOn) -> u8 {
    let unreadable = report.findings.iter().any(|f| f.finding.rule.name == rules::invalid_policy::RULE.name);
    if !report.errors.is_empty() || unreadable {
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
        format!("there is no rule `{name}`{}; `policy-lint rules` lists them", rules::suggestion(name))
    })?;
    write_to(None, |out| out.write_all(rule.doc.as_bytes())).map(|()| 0)
}

fn expand(pattern: &str) -> Result<u8, String> {
    let (prefix, name) = pattern
        .split_once(':')
        .ok_or_else(|| format!("`{pattern}` is no pattern of actions; write it as in `s3:Get*`"))?;
    let service = Service::find(prefix).ok_or_else(|| {
        let near = iam_policy::spelling::closest(prefix, Service::all().map(Service::prefix));
        format!("there is no service `{prefix}`{}", near.map_or_else(String::new, |n| format!("; did you mean `{n}`?")))
    })?;
    let actions: Vec<_> = service.matching(name).collect();
    if actions.is_empty() {
        return Err(format!("`{pattern}` matches no action of {}", service.title()));
    }
    write_to(None, |out| actions.iter().try_for_each(|a| writeln!(out, "{}\t{}", a.full_name(), a.level().as_str())))
        .map(|()| 0)
}

fn refresh(document: &Path) -> Result<u8, String> {
    let shown = document.display();
    let text = source_text::read(document).map_err(|e| e.to_string())?;
    let fresh = report::tables::refresh(&text.text).ok_or_else(|| format!("`{shown}` has no generated table"))?;
    std::fs::write(document, fresh).map_err(|e| format!("cannot write `{shown}`: {e}"))?;
    Ok(0)
}

fn read_stdin() -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map_err(|e| format!("cannot read standard input: {e}"))?;
    Ok(bytes)
}

/// Writes to a file or to standard output. A reader that left is no error.
fn write_to(path: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let out: Box<dyn Write> = match path {
        Some(path) => Box::new(File::create(path).map_err(|e| format!("cannot write `{}`: {e}", path.display()))?),
        None if colour(path) => Box::new(anstream::stdout().lock()),
        None => Box::new(io::stdout().lock()),
    };
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let written = write(&mut out).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write the report: {e}")),
        _ => Ok(()),
    }
}

/// Whether the output takes colours: a terminal does, unless somebody says otherwise.
fn colour(path: Option<&Path>) -> bool {
    path.is_none() && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    columns.or_else(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0))).unwrap_or(140)
}

/// The day by UTC.
fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let days = i64::try_from(since.as_secs() / 86_400).unwrap_or(0);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The calendar day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #[test]
    fn days_become_dates() {
        for (days, expected) in [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (20_780, (2026, 11, 23))] {
            assert_eq!(super::civil(days), expected);
        }
    }
}
