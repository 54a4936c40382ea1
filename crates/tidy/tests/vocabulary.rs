//! Words that this repository does not use, and what it says instead: `vocabulary.toml`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use globset::{Glob, GlobMatcher};
use regex::Regex;
use serde::Deserialize;
use tidy::{Source, sources};

/// What is searched: code, help, documents, Terraform and shell.
const EXTENSIONS: &[&str] = &["rs", "md", "py", "tf", "hcl", "toml", "yml", "yaml", "snap", "example", "sh"];

/// Not ours, or a list of such words itself.
const SKIPPED: &[&str] = &["crates/tidy/tests/vocabulary.*", "crates/iam-policy/catalogue/**"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vocabulary {
    word: Vec<Word>,
    #[serde(default)]
    file: Vec<FileName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    /// A regular expression, searched in each line.
    pattern: String,
    /// What to write.
    instead: String,
    /// Where it is searched; everywhere if absent.
    #[serde(default, rename = "in")]
    scope: Option<String>,
    #[serde(default)]
    except: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileName {
    /// A glob of paths that must not exist.
    path: String,
    instead: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// A glob of paths.
    path: String,
    /// Part of the line; any hit in these files if absent.
    #[serde(default)]
    line: String,
    reason: String,
}

fn glob(pattern: &str) -> GlobMatcher {
    Glob::new(pattern).unwrap().compile_matcher()
}

fn vocabulary() -> Vocabulary {
    toml::from_str(include_str!("vocabulary.toml")).unwrap()
}

fn searched() -> Vec<Source> {
    let skipped: Vec<GlobMatcher> = SKIPPED.iter().map(|pattern| glob(pattern)).collect();
    let script = |source: &Source| source.path.starts_with("scripts/") && source.text.starts_with("#!");
    sources()
        .into_iter()
        .filter(|source| source.has_extension(EXTENSIONS) || script(source))
        .filter(|source| !skipped.iter().any(|skipped| skipped.is_match(&source.path)))
        .collect()
}

#[test]
fn no_word_of_the_list_is_used_without_a_reason() {
    let sources = searched();
    assert!(sources.len() > 300, "only {} files found", sources.len());
    let mut wrong = Vec::new();
    for word in vocabulary().word {
        let pattern = Regex::new(&word.pattern).unwrap();
        let scope = word.scope.as_deref().map(glob);
        let exceptions: Vec<(GlobMatcher, &Exception)> =
            word.except.iter().map(|exception| (glob(&exception.path), exception)).collect();
        let mut used = vec![false; exceptions.len()];
        for source in &sources {
            if scope.as_ref().is_some_and(|scope| !scope.is_match(&source.path)) {
                continue;
            }
            for (number, line) in source.text.lines().enumerate() {
                if !pattern.is_match(line) {
                    continue;
                }
                match exceptions
                    .iter()
                    .position(|(path, exception)| path.is_match(&source.path) && line.contains(&exception.line))
                {
                    Some(position) => used[position] = true,
                    None => wrong.push(format!("{}:{}: {}  -> {}", source.path, number + 1, line.trim(), word.instead)),
                }
            }
        }
        for (exception, _) in word.except.iter().zip(&used).filter(|(_, used)| !**used) {
            wrong.push(format!(
                "vocabulary.toml: `{}` does not occur in {}: remove the exception",
                word.pattern, exception.path
            ));
        }
        for exception in word.except.iter().filter(|exception| exception.reason.trim().is_empty()) {
            wrong.push(format!("vocabulary.toml: `{}` in {} needs a reason", word.pattern, exception.path));
        }
    }
    assert!(wrong.is_empty(), "{} lines:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn files_are_named_by_what_they_hold() {
    let sources = sources();
    let mut wrong = Vec::new();
    for name in vocabulary().file {
        let path = glob(&name.path);
        let hits = sources.iter().filter(|source| path.is_match(&source.path));
        wrong.extend(hits.map(|source| format!("{}: {}", source.path, name.instead)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
