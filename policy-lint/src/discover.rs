//! From the paths of a request to the files and folders to read.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use source_text::{ReadError, refused};
use terraform_eval::is_terraform;

/// A JSON document to read.
pub(crate) struct JsonInput {
    /// Its path, `<stdin>` for standard input.
    pub(crate) path: PathBuf,
    /// Whether the user named it, so that it must be a policy, plan or state.
    pub(crate) named: bool,
    /// Its content, where it is not a file.
    pub(crate) content: Option<Vec<u8>>,
}

/// What a request asks to read.
#[derive(Default)]
pub(crate) struct Inputs {
    /// JSON documents, sorted by path.
    pub(crate) documents: Vec<JsonInput>,
    /// Folders with Terraform files, sorted.
    pub(crate) folders: Vec<PathBuf>,
    /// Terraform files that the user named: of their folders, only what is in them is reported.
    only: Vec<PathBuf>,
    /// Folders of which everything is reported.
    whole: BTreeSet<PathBuf>,
    /// Paths that cannot be read.
    pub(crate) errors: Vec<ReadError>,
}

impl Inputs {
    /// Finds the inputs of `paths`; `stdin` is the content of standard input where that is one.
    pub(crate) fn find(paths: &[PathBuf], stdin: Option<&[u8]>, skip_others: bool) -> Inputs {
        let mut inputs = Inputs::default();
        let mut folders = BTreeSet::new();
        for path in paths {
            if path.is_dir() {
                inputs.add_folder(path, &mut folders);
            } else if is_terraform(&file_name(path)).is_some() && path.exists() {
                if path.is_file() {
                    folders.insert(path.parent().map(Path::to_path_buf).unwrap_or_default());
                    inputs.only.push(path.clone());
                } else {
                    inputs.errors.push(ReadError::NotFile(path.display().to_string()));
                }
            } else {
                let named = !skip_others || !path.exists();
                inputs.documents.push(JsonInput { path: path.clone(), named, content: None });
            }
        }
        inputs.folders = folders.into_iter().collect();
        inputs.documents.sort_by(|a, b| (&a.path, !a.named).cmp(&(&b.path, !b.named)));
        inputs.documents.dedup_by(|next, kept| next.path == kept.path);
        if let Some(content) = stdin {
            let path = PathBuf::from("<stdin>");
            inputs.documents.push(JsonInput { path, named: true, content: Some(content.to_vec()) });
        }
        inputs
    }

    fn add_folder(&mut self, path: &Path, folders: &mut BTreeSet<PathBuf>) {
        let (files, errors) = walk(path);
        self.errors.extend(errors);
        for file in files {
            if is_terraform(&file_name(&file)).is_some() {
                let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
                self.whole.insert(folder.clone());
                folders.insert(folder);
            } else {
                self.documents.push(JsonInput { path: file, named: false, content: None });
            }
        }
    }

    /// Whether findings in a Terraform file are reported.
    pub(crate) fn reports_on(&self, path: &str) -> bool {
        let path = Path::new(path);
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        self.only.is_empty() || self.only.iter().any(|o| o == path) || self.whole.contains(&folder)
    }

    /// The Terraform paths that an exception with a path must fit to be checked: a name in each folder, and the files
    /// that were named.
    pub(crate) fn terraform_paths(&self) -> impl Iterator<Item = String> {
        let folders = self.folders.iter().map(|f| f.join("main.tf").display().to_string());
        folders.chain(self.only.iter().map(|p| p.display().to_string()))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The files under a folder that could carry policies, sorted; what git ignores is left out.
fn walk(folder: &Path) -> (Vec<PathBuf>, Vec<ReadError>) {
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
    let named = path_of(error).or_else(|| before.rsplit_once(" on ").map(|(_, p)| p.to_owned()));
    let path = named.unwrap_or_else(|| String::from("a folder"));
    Some(ReadError::Refused { path, reason: system.to_lowercase() })
}
