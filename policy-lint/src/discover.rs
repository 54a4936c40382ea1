//! The files below a folder that could hold policies.
use std::path::{Path, PathBuf};

use source_text::{ReadError, refused};

/// The files under a folder that could carry policies, sorted; what git ignores is left out.
pub fn walk(folder: &Path) -> (Vec<PathBuf>, Vec<ReadError>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    let skip = |name: &std::ffi::OsStr| name == ".git" || name == ".terraform" || name == "node_modules";
    let walker = ignore::WalkBuilder::new(folder)
        .hidden(false)
        .require_git(false)
        .filter_entry(move |entry| !skip(entry.file_name()) || entry.depth() == 0)
        .build();
    for entry in walker {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) && is_candidate(entry.path()) => {
                found.push(entry.into_path());
            }
            Ok(entry) if entry.path_is_symlink() && is_candidate(entry.path()) && entry.path().is_file() => {
                found.push(entry.into_path());
            }
            Ok(_) => {}
            Err(e) => errors.extend(walk_error(&e)),
        }
    }
    let plain = |path: PathBuf| path.strip_prefix("./").map(Path::to_path_buf).unwrap_or(path);
    let mut found: Vec<PathBuf> = found.into_iter().map(plain).collect();
    found.sort();
    (found, errors)
}

fn is_candidate(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json" || e == "tf")
}

fn walk_error(error: &ignore::Error) -> Option<ReadError> {
    fn path_of(error: &ignore::Error) -> Option<String> {
        match error {
            ignore::Error::WithPath { path, .. } => Some(path.display().to_string()),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
            _ => None,
        }
    }
    let ReadError::Refused { reason, .. } = refused(String::new(), error.io_error()?) else { return None };
    // The walker's own words repeat the path before the system's.
    let (before, system) = reason.rsplit_once(": ").unwrap_or(("", &reason));
    let path = path_of(error).or_else(|| before.rsplit_once(" on ").map(|(_, p)| p.to_owned()));
    let path = path.unwrap_or_else(|| String::from("a folder"));
    Some(ReadError::Refused { path, reason: system.to_lowercase() })
}
