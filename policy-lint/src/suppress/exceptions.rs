//! Exceptions in `policy-lint.toml`: findings that were accepted, each with a reason and at will an end.
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use iam_policy::pattern;
use serde::Deserialize;
use source_text::Location;
use source_text::paths::absolute;
use toml::Spanned;

use crate::diagnostic::Diagnostic;
use crate::rule::Rule;
use crate::rules;
use crate::suppress::pipeline::{Suppressor, about_entry};

/// One exception of a `policy-lint.toml`.
#[derive(Debug)]
pub struct Exception {
    /// The rule it hides.
    pub rule: String,
    path: Option<ExceptionPath>,
    address: Option<String>,
    pointer: Option<String>,
    /// Why the finding is accepted.
    pub reason: Option<String>,
    /// The last day on which it applies, `YYYY-MM-DD`.
    pub until: Option<String>,
    /// The range of the rule's name in the file.
    pub span: std::ops::Range<usize>,
}

/// A path of an exception, relative to the folder of its file.
#[derive(Debug)]
struct ExceptionPath {
    text: String,
    /// `None` if the path is not a valid glob, which then matches itself only.
    glob: Option<GlobMatcher>,
}

impl ExceptionPath {
    fn new(path: &str) -> ExceptionPath {
        let text = path.trim_start_matches("./").to_owned();
        let glob = Glob::new(&text).ok().map(|glob| glob.compile_matcher());
        ExceptionPath { text, glob }
    }

    /// Whether it is the path, a folder above it, or a glob that matches it. `*` also matches `/`.
    fn matches(&self, path: &str) -> bool {
        let inside = path.strip_prefix(self.text.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        path == self.text || inside || self.glob.as_ref().is_some_and(|glob| glob.is_match(path))
    }
}

/// The exceptions of one file.
#[derive(Debug, Default)]
pub struct Exceptions {
    /// In the order of the file.
    pub entries: Vec<Exception>,
    folder: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    allow: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: Spanned<String>,
    path: Option<String>,
    address: Option<String>,
    pointer: Option<String>,
    reason: Option<String>,
    until: Option<Date>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Date {
    Toml(toml::value::Datetime),
    Text(String),
}

/// What exceptions select a finding by.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// The path in reports.
    pub path: &'a str,
    /// The plan or state that it was found in, if the path is that of its source.
    pub input: Option<&'a str>,
    /// The address of the resource.
    pub address: Option<&'a str>,
    /// The JSON Pointer in the document.
    pub pointer: Option<&'a str>,
}

/// The nearest `policy-lint.toml` in a folder or above it, not past the root of the repository.
pub fn find(folder: &Path) -> Option<PathBuf> {
    for folder in absolute(folder).ancestors() {
        let file = folder.join("policy-lint.toml");
        if file.is_file() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

impl Exceptions {
    /// Parses the text of the file at `path`.
    ///
    /// # Errors
    /// If it is not TOML, an entry has an unknown key, rule or date.
    pub fn parse(path: &Path, text: &str) -> Result<Exceptions, String> {
        let error = |e: String| {
            format!(
                "cannot read `{}`: {e} (an entry is `[[allow]]` with `rule`, `reason` and optionally `path`, `address`, `pointer`, `until`)",
                path.display()
            )
        };
        let document: Document = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| 1 + text.get(..s.start).unwrap_or_default().matches('\n').count());
            error(format!("line {line}: {}", e.message()))
        })?;
        let mut entries = Vec::new();
        for entry in document.allow {
            let span = entry.rule.span();
            let until = entry.until.map(|d| match d {
                Date::Toml(date) => date.to_string(),
                Date::Text(text) => text,
            });
            if let Some(bad) = until.as_deref().filter(|d| !is_date(d)) {
                return Err(error(format!("`until = {bad}` is not a date as in 2027-01-31")));
            }
            let rule = entry.rule.into_inner();
            if rules::find(&rule).is_none() {
                return Err(error(format!("`{rule}` is not a rule{}", rules::suggestion(&rule))));
            }
            let path = entry.path.as_deref().map(ExceptionPath::new);
            let (address, pointer, reason) = (entry.address, entry.pointer, entry.reason);
            entries.push(Exception { rule, path, address, pointer, reason, until, span });
        }
        let folder = absolute(path).parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Exceptions { entries, folder })
    }

    /// The index of the entry that hides a finding on the day `today`.
    pub fn position(&self, subject: Subject<'_>, today: &str) -> Option<usize> {
        self.entries.iter().position(|e| !e.is_past(today) && self.matches(e, subject))
    }

    fn matches(&self, entry: &Exception, subject: Subject<'_>) -> bool {
        let matches = |pattern: &Option<String>, actual: Option<&str>| match pattern {
            None => true,
            Some(pattern) => actual.is_some_and(|a| pattern == a || pattern::matches(pattern, a)),
        };
        entry.rule == subject.rule
            && matches(&entry.address, subject.address)
            && matches(&entry.pointer, subject.pointer)
            && (self.applies_to_path(entry, subject.path)
                || subject.input.is_some_and(|i| self.applies_to_path(entry, i)))
    }

    /// Whether an entry applies to a path; one without a path applies to all.
    pub fn applies_to_path(&self, entry: &Exception, path: &str) -> bool {
        let Some(wanted) = &entry.path else {
            return true;
        };
        let full = absolute(Path::new(path));
        let relative = full.strip_prefix(&self.folder).unwrap_or(&full).to_string_lossy().replace('\\', "/");
        wanted.matches(&relative)
    }
}

impl Exception {
    /// Whether its last day is before `today`.
    pub fn is_past(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }

    /// Whether it has a reason.
    pub fn has_reason(&self) -> bool {
        self.reason.as_deref().is_some_and(|r| !r.trim().is_empty())
    }

    /// Whether it applies to some paths only.
    pub fn has_path(&self) -> bool {
        self.path.is_some()
    }
}

/// The exceptions of a run.
pub(crate) struct ExceptionSuppressor {
    exceptions: Exceptions,
    used: Vec<bool>,
    /// The file they come from.
    location: Location,
    today: String,
    /// The paths that were checked.
    checked: Vec<String>,
    /// Whether a whole folder was checked.
    whole: bool,
}

impl ExceptionSuppressor {
    /// Exceptions of the file at `location`, on the day `today` (`YYYY-MM-DD`). `checked` are the paths that were checked,
    /// `whole` is whether a folder was: an exception that could not have hidden anything is not reported as unused.
    pub(crate) fn new(
        exceptions: Exceptions,
        location: Location,
        today: &str,
        checked: Vec<String>,
        whole: bool,
    ) -> ExceptionSuppressor {
        let used = vec![false; exceptions.entries.len()];
        ExceptionSuppressor { exceptions, used, location, today: today.to_owned(), checked, whole }
    }

    fn review_entry(&self, entry: &Exception, used: bool, found: &mut Vec<Diagnostic>) {
        let was_checked = if entry.has_path() {
            self.checked.iter().any(|p| self.exceptions.applies_to_path(entry, p))
        } else {
            self.whole
        };
        let mut add = |rule: &'static Rule, message: String, help: &str| {
            found.push(about_entry(rule, message, help, entry.span.clone(), &self.location));
        };
        if !entry.has_reason() {
            let message = format!("the exception to `{}` gives no reason", entry.rule);
            add(&rules::allow_without_reason::RULE, message, "add `reason = \"…\"`");
        }
        if entry.is_past(&self.today) {
            let until = entry.until.as_deref().unwrap_or_default();
            let message = format!("the exception to `{}` expired on {until}", entry.rule);
            add(&rules::allow_expired::RULE, message, "fix the policy and remove the entry, or set a new date");
        } else if was_checked && !used {
            let message = format!("the exception to `{}` suppresses no finding", entry.rule);
            add(&rules::allow_unused::RULE, message, "remove the entry, or correct its rule, path, address or pointer");
        }
    }
}

impl Suppressor for ExceptionSuppressor {
    fn suppresses(&mut self, diagnostic: &Diagnostic) -> bool {
        let finding = &diagnostic.finding;
        let subject = Subject {
            rule: finding.rule.name,
            path: &diagnostic.location.file.path,
            input: diagnostic.input.as_deref(),
            address: finding.address.as_deref(),
            pointer: finding.pointer.as_deref(),
        };
        let matching = self.exceptions.position(subject, &self.today);
        if let Some(at) = matching {
            self.used[at] = true;
        }
        matching.is_some()
    }

    fn review(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (entry, used) in self.exceptions.entries.iter().zip(&self.used) {
            self.review_entry(entry, *used, &mut found);
        }
        found
    }
}

fn is_date(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<u32>().ok());
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
        && digits(5..7).is_some_and(|m| (1..=12).contains(&m))
        && digits(8..10).is_some_and(|d| (1..=31).contains(&d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(path: &str) -> Subject<'_> {
        Subject {
            rule: "wildcard-action",
            path,
            input: None,
            address: Some("module.a.aws_iam_policy.b"),
            pointer: Some("/Statement/0/Action"),
        }
    }

    #[test]
    fn an_entry_hides_what_it_names_until_its_day() {
        let text = "[[allow]]\nrule = \"wildcard-action\"\npath = \"p/*.json\"\naddress = \"module.a.*\"\nreason = \"x\"\nuntil = 2026-05-01\n";
        let exceptions = Exceptions::parse(Path::new("policy-lint.toml"), text).unwrap();
        assert_eq!(exceptions.position(subject("p/a.json"), "2026-05-01"), Some(0));
        assert_eq!(exceptions.position(subject("p/a.json"), "2026-05-02"), None);
        assert_eq!(exceptions.position(subject("q/a.json"), "2026-05-01"), None);
        assert_eq!(&text[exceptions.entries[0].span.clone()], "\"wildcard-action\"");
    }

    #[test]
    fn an_invalid_file_is_an_error_with_the_line() {
        let error = Exceptions::parse(Path::new("x.toml"), "[[allow]]\nrule = \"wildcard-acton\"\n").unwrap_err();
        assert!(error.contains("did you mean `wildcard-action`?"), "{error}");
        let error =
            Exceptions::parse(Path::new("x.toml"), "[[allow]]\nrule = \"wildcard-action\"\nwhy = \"x\"\n").unwrap_err();
        assert!(error.contains("line 3"), "{error}");
    }
}
