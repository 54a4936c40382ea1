//! Exceptions: findings that people decided to live with, each with its reason and its end.
use std::path::{Component, Path, PathBuf};

use iam_policy::{pattern, spelling};
use serde::Deserialize;
use toml::Spanned;

/// One exception of a `policy-lint.toml`.
#[derive(Debug)]
pub struct Allow {
    /// The rule it hides.
    pub rule: String,
    path: Option<String>,
    address: Option<String>,
    pointer: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The last day it holds, `YYYY-MM-DD`.
    pub until: Option<String>,
    /// Where its rule is named in the file.
    pub span: std::ops::Range<usize>,
}

/// The exceptions of one file.
#[derive(Debug, Default)]
pub struct Allows {
    /// In the order of the file.
    pub entries: Vec<Allow>,
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

/// What a finding is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// The path as reported.
    pub path: &'a str,
    /// The plan or state that it was found in, where the path is that of its source.
    pub input: Option<&'a str>,
    /// The Terraform address.
    pub address: Option<&'a str>,
    /// The place in the document.
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

impl Allows {
    /// Reads the text of the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Allows, String> {
        let wrong = |e: String| {
            format!(
                "cannot read `{}`: {e}; an entry is `[[allow]]` with `rule`, `reason` and at will `path`, `address`, `pointer`, `until`",
                path.display()
            )
        };
        let document: Document = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| 1 + text.get(..s.start).unwrap_or_default().matches('\n').count());
            wrong(format!("line {line}: {}", e.message()))
        })?;
        let mut entries = Vec::new();
        for entry in document.allow {
            let span = entry.rule.span();
            let until = entry.until.map(|d| match d {
                Date::Toml(date) => date.to_string(),
                Date::Text(text) => text,
            });
            if let Some(bad) = until.as_deref().filter(|d| !is_date(d)) {
                return Err(wrong(format!("`until = {bad}` is not a date as in 2027-01-31")));
            }
            let rule = entry.rule.into_inner();
            if crate::rules::find(&rule).is_none() {
                return Err(wrong(format!("there is no rule `{rule}`{}", suggestion(&rule))));
            }
            let (path, address, pointer, reason) = (entry.path, entry.address, entry.pointer, entry.reason);
            entries.push(Allow { rule, path, address, pointer, reason, until, span });
        }
        let folder = absolute(path).parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Allows { entries, folder })
    }

    /// The entry that hides a finding on the day `today`.
    pub fn position(&self, subject: Subject<'_>, today: &str) -> Option<usize> {
        self.entries.iter().position(|e| !e.is_past(today) && self.fits(e, subject))
    }

    fn fits(&self, entry: &Allow, subject: Subject<'_>) -> bool {
        let fits = |wanted: &Option<String>, actual: Option<&str>| match wanted {
            None => true,
            Some(wanted) => actual.is_some_and(|a| wanted == a || pattern::matches(wanted, a)),
        };
        entry.rule == subject.rule
            && fits(&entry.address, subject.address)
            && fits(&entry.pointer, subject.pointer)
            && (self.names(entry, subject.path) || subject.input.is_some_and(|i| self.names(entry, i)))
    }

    /// Whether an entry speaks of a path; one without a path speaks of all.
    pub fn names(&self, entry: &Allow, path: &str) -> bool {
        let Some(wanted) = &entry.path else {
            return true;
        };
        let full = absolute(Path::new(path));
        let relative = full.strip_prefix(&self.folder).unwrap_or(&full).to_string_lossy().replace('\\', "/");
        let wanted = wanted.trim_start_matches("./");
        let inside = relative.strip_prefix(wanted.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        relative == wanted || inside || pattern::matches(wanted, &relative)
    }
}

impl Allow {
    /// Whether its last day is before `today`.
    pub fn is_past(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }

    /// Whether it says why.
    pub fn has_reason(&self) -> bool {
        self.reason.as_deref().is_some_and(|r| !r.trim().is_empty())
    }

    /// Whether it is bound to files of a path.
    pub fn has_path(&self) -> bool {
        self.path.is_some()
    }
}

fn is_date(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<u32>().ok());
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
        && digits(5..7).is_some_and(|m| (1..=12).contains(&m))
        && digits(8..10).is_some_and(|d| (1..=31).contains(&d))
}

/// `, did you mean …` for a misspelled rule.
pub fn suggestion(rule: &str) -> String {
    let near = spelling::closest(rule, crate::rules::ALL.iter().map(|r| r.name));
    near.map_or_else(String::new, |n| format!(", did you mean `{n}`?"))
}

/// A path from the root, without `.` and `..`, and without asking the disk.
pub fn absolute(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut clean = PathBuf::new();
    for part in full.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
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
        let allows = Allows::parse(Path::new("policy-lint.toml"), text).unwrap();
        assert_eq!(allows.position(subject("p/a.json"), "2026-05-01"), Some(0));
        assert_eq!(allows.position(subject("p/a.json"), "2026-05-02"), None);
        assert_eq!(allows.position(subject("q/a.json"), "2026-05-01"), None);
        assert_eq!(&text[allows.entries[0].span.clone()], "\"wildcard-action\"");
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_line() {
        let error = Allows::parse(Path::new("x.toml"), "[[allow]]\nrule = \"wildcard-acton\"\n").unwrap_err();
        assert!(error.contains("did you mean `wildcard-action`?"), "{error}");
        let error =
            Allows::parse(Path::new("x.toml"), "[[allow]]\nrule = \"wildcard-action\"\nwhy = \"x\"\n").unwrap_err();
        assert!(error.contains("line 3"), "{error}");
    }
}
