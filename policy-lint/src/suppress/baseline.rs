//! A baseline records the findings that a repository already has, so that only new ones are reported.
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Report};
use crate::quoted::quoted_parts;
use crate::suppress::pipeline::Suppressor;

/// The findings of a report, counted by path, rule, Terraform address and message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    findings: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    rule: String,
    address: Option<String>,
    message: String,
    count: usize,
}

/// What identifies a finding across edits of its file and changes of wording. Lines and positions change when a file is
/// edited, and the text of a message changes between versions of the program, so neither is part of the key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    path: String,
    rule: String,
    address: Option<String>,
    quoted: Vec<String>,
}

impl Key {
    fn new(path: &str, rule: &str, address: Option<&str>, message: &str) -> Key {
        Key {
            path: path.to_owned(),
            rule: rule.to_owned(),
            address: address.map(str::to_owned),
            quoted: quoted_parts(message).into_iter().map(str::to_owned).collect(),
        }
    }

    fn of_finding(diagnostic: &Diagnostic) -> Key {
        let finding = &diagnostic.finding;
        Key::new(&diagnostic.location.file.path, finding.rule.name, finding.address.as_deref(), &finding.message)
    }
}

impl Baseline {
    /// Records every finding of a report.
    pub fn of(report: &Report) -> Baseline {
        let mut counts: BTreeMap<(&str, &str, Option<&str>, &str), usize> = BTreeMap::new();
        for diagnostic in &report.findings {
            let finding = &diagnostic.finding;
            let key =
                (&*diagnostic.location.file.path, finding.rule.name, finding.address.as_deref(), &*finding.message);
            *counts.entry(key).or_default() += 1;
        }
        let entry = |((path, rule, address, message), count): ((&str, &str, Option<&str>, &str), usize)| Entry {
            path: path.to_owned(),
            rule: rule.to_owned(),
            address: address.map(str::to_owned),
            message: message.to_owned(),
            count,
        };
        Baseline { version: 1, findings: counts.into_iter().map(entry).collect() }
    }

    /// Parses the text of a baseline file; `path` is for error messages. Fails on malformed JSON, unknown fields and
    /// unknown versions.
    pub fn parse(path: &Path, text: &str) -> Result<Baseline, String> {
        let unreadable = |reason: String| {
            format!("cannot read the baseline `{}`: {reason}; create it again with `--write-baseline`", path.display())
        };
        let baseline: Baseline = serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
        match baseline.version {
            1 => Ok(baseline),
            other => Err(unreadable(format!("version {other} is not supported"))),
        }
    }

    /// The text of the baseline file.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Suppresses the findings that a baseline records.
pub(crate) struct BaselineSuppressor {
    /// How many findings with each key may still be suppressed.
    remaining: BTreeMap<Key, usize>,
}

impl BaselineSuppressor {
    pub(crate) fn new(baseline: &Baseline) -> BaselineSuppressor {
        let mut remaining: BTreeMap<Key, usize> = BTreeMap::new();
        for entry in &baseline.findings {
            let key = Key::new(&entry.path, &entry.rule, entry.address.as_deref(), &entry.message);
            *remaining.entry(key).or_default() += entry.count;
        }
        BaselineSuppressor { remaining }
    }

    /// A note if the baseline records findings that no longer exist.
    pub(crate) fn note(&self) -> Option<String> {
        let what = match self.remaining.values().sum::<usize>() {
            0 => return None,
            1 => String::from("1 finding of the baseline no longer exists"),
            count => format!("{count} findings of the baseline no longer exist"),
        };
        Some(format!("{what}; write the baseline again with `--write-baseline`"))
    }
}

impl Suppressor for BaselineSuppressor {
    fn suppresses(&mut self, diagnostic: &Diagnostic) -> bool {
        match self.remaining.get_mut(&Key::of_finding(diagnostic)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}
