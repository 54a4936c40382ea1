//! Reads the sources of the repository for the tests in `tests/`, each of which holds one rule of CONTRIBUTING.md.
pub mod imports;
pub mod terraform;

use std::fs;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

/// One text file of the repository.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to the repository's root, with `/` on every platform.
    pub path: String,
    /// The file's text.
    pub text: String,
}

impl Source {
    /// Whether the file's name ends in one of these extensions.
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository has a root")
}

/// Every text file that git does not ignore, sorted by path. Files that are not UTF-8 are left out.
///
/// # Panics
/// If a folder cannot be read.
pub fn sources() -> Vec<Source> {
    let root = root();
    let mut sources = Vec::new();
    let files = WalkBuilder::new(&root).hidden(false).filter_entry(|entry| entry.file_name() != ".git").build();
    for entry in files {
        let path = entry.expect("the repository can be read").into_path();
        if !path.is_file() {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let relative = path.strip_prefix(&root).expect("below the root");
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        sources.push(Source { path: parts.join("/"), text });
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The Rust sources of the Lambdas and of the crates under `crates/`, without their integration tests.
///
/// # Panics
/// If a folder cannot be read.
pub fn program_sources() -> Vec<Source> {
    let in_program = |source: &Source| {
        let folders: Vec<&str> = source.path.split('/').collect();
        matches!(folders[..], ["lambdas" | "crates", _, "src", ..]) && source.has_extension(&["rs"])
    };
    sources().into_iter().filter(in_program).collect()
}
