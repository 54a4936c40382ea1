//! A baseline: the existing findings of a repository, so that only new ones are reported.
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Report};
use crate::suppress::pipeline::Suppressor;

/// The number of findings by path, rule, address and message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    findings: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    rule: String,
    address: Option<String>,
    message: String,
    count: usize,
}

type Key = (String, String, Option<String>, String);

/// Without lines and pointers, which change when a file is edited.
fn key(diagnostic: &Diagnostic) -> Key {
    let finding = &diagnostic.finding;
    let path = diagnostic.location.file.path.clone();
    (path, finding.rule.name.to_owned(), finding.address.clone(), finding.message.clone())
}

impl Baseline {
    /// The baseline of a report.
    pub fn of(report: &Report) -> Baseline {
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        for diagnostic in &report.findings {
            *counts.entry(key(diagnostic)).or_default() += 1;
        }
        let entry = |((path, rule, address, message), count)| Entry { path, rule, address, message, count };
        Baseline { version: 1, findings: counts.into_iter().map(entry).collect() }
    }

    /// Parses the text of a baseline file.
    ///
    /// # Errors
    /// If the text is not a baseline of version 1.
    pub fn parse(path: &Path, text: &str) -> Result<Baseline, String> {
        let again = "write it again with `--write-baseline`";
        let baseline: Baseline = serde_json::from_str(text)
            .map_err(|e| format!("cannot read the baseline `{}`: {e}; {again}", path.display()))?;
        match baseline.version {
            1 => Ok(baseline),
            other => {
                Err(format!("cannot read the baseline `{}`: version {other} is not known; {again}", path.display()))
            }
        }
    }

    /// The text of the baseline file.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Hides the findings of a baseline.
pub(crate) struct BaselineSuppressor {
    /// How many findings may still be hidden.
    left: BTreeMap<Key, usize>,
}

impl BaselineSuppressor {
    /// A suppressor that has hidden nothing yet.
    pub(crate) fn new(baseline: &Baseline) -> BaselineSuppressor {
        let mut left: BTreeMap<Key, usize> = BTreeMap::new();
        for e in &baseline.findings {
            let key = (e.path.clone(), e.rule.clone(), e.address.clone(), e.message.clone());
            *left.entry(key).or_default() += e.count;
        }
        BaselineSuppressor { left }
    }

    /// The note that findings of the baseline do not exist any more.
    pub(crate) fn note(&self) -> Option<String> {
        let (words, count) = match self.left.values().sum::<usize>() {
            0 => return None,
            1 => ("1 finding of the baseline is gone", String::new()),
            gone => ("findings of the baseline are gone", format!("{gone} ")),
        };
        Some(format!("{count}{words}; write it again with `--write-baseline` so that it cannot come back"))
    }
}

impl Suppressor for BaselineSuppressor {
    fn suppresses(&mut self, diagnostic: &Diagnostic) -> bool {
        match self.left.get_mut(&key(diagnostic)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}
