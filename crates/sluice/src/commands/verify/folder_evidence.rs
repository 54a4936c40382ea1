//! Reads the evidence in a folder, a copy of the receipts bucket made by `aws s3 sync`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use sluice_types::RecordKind;
use sluice_types::keys::LEDGER_PREFIX;
use walkdir::WalkDir;

use super::evidence::FoundRecord;

/// How many records are in memory at a time.
const CHUNK_SIZE: usize = 8192;

/// A key, or a prefix of keys, that could not be read, and the cause.
pub(super) type Unread = (String, String);
/// The bytes of manifests by key; `None` if they could not be read.
pub(super) type ManifestBodies = Vec<(String, Option<Vec<u8>>)>;

/// Reads the manifests. Returns them by key, and those that could not be read.
///
/// # Errors
/// If the folder has no evidence.
pub(super) fn read_manifests(folder: &Path) -> anyhow::Result<(ManifestBodies, Vec<Unread>)> {
    let record_prefixes = RecordKind::ALL.map(RecordKind::prefix);
    if !record_prefixes.iter().chain(&[LEDGER_PREFIX]).any(|prefix| folder.join(prefix).is_dir()) {
        bail!(
            "`{}` has neither `{}` nor `{LEDGER_PREFIX}`: download the evidence with `aws s3 sync s3://RECEIPTS_PREFIX-BUCKET {0}`",
            folder.display(),
            record_prefixes.join("` nor `"),
        );
    }
    let (files, mut unread) = list_files(folder, LEDGER_PREFIX);
    let results: Vec<_> = files.into_par_iter().map(|(key, path)| (key, read(&path))).collect();
    let mut bodies = Vec::new();
    for (key, bytes) in results {
        match bytes {
            Ok(bytes) => bodies.push((key, Some(bytes))),
            Err(reason) => {
                unread.push((key.clone(), reason));
                bodies.push((key, None));
            }
        }
    }
    Ok((bodies, unread))
}

/// Reads the records in parallel and passes them to `take`, or why they could not be read. Returns what could not be listed.
pub(super) fn read_records(folder: &Path, mut take: impl FnMut(String, Result<FoundRecord, String>)) -> Vec<Unread> {
    let mut unlisted = Vec::new();
    for kind in RecordKind::ALL {
        let (files, unread) = list_files(folder, kind.prefix());
        unlisted.extend(unread);
        for chunk in files.chunks(CHUNK_SIZE) {
            let read = |(key, path): &(String, PathBuf)| {
                let record = read(path).map(|bytes| FoundRecord::parse(key.clone(), &bytes));
                (key.clone(), record)
            };
            let records: Vec<(String, Result<FoundRecord, String>)> = chunk.par_iter().map(read).collect();
            records.into_iter().for_each(|(key, record)| take(key, record));
        }
    }
    unlisted
}

/// The files under a prefix by key, and what could not be listed.
fn list_files(folder: &Path, prefix: &str) -> (Vec<(String, PathBuf)>, Vec<Unread>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let top = folder.join(prefix);
    if !top.is_dir() {
        return (found, unread);
    }
    for entry in WalkDir::new(top) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let location = error.path().unwrap_or(folder).display().to_string();
                unread.push((location, error.to_string()));
                continue;
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.into_path();
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
        match parts {
            Some(parts) => found.push((parts.join("/"), path)),
            None => unread.push((path.display().to_string(), "its name is not valid UTF-8".into())),
        }
    }
    (found, unread)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}
