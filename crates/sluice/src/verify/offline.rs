//! The evidence in a folder, as `aws s3 sync` makes it.

use std::path::{Path, PathBuf};

use anyhow::bail;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use sluice_types::RecordKind;
use sluice_types::keys::LEDGER_PREFIX as LEDGER;
use walkdir::WalkDir;

use crate::verify::evidence::Found;
use crate::verify::online::{Bodies, Unread};

/// Records in memory at a time.
const PART: usize = 8192;

/// The manifests, by key, and what could not be read.
///
/// # Errors
/// When the folder has no evidence.
pub fn manifests(folder: &Path) -> anyhow::Result<(Bodies, Vec<Unread>)> {
    let places = RecordKind::ALL.map(RecordKind::prefix);
    if !places.iter().chain(&[LEDGER]).any(|place| folder.join(place).is_dir()) {
        bail!(
            "`{}` has neither `{}` nor `{LEDGER}`: download them with `aws s3 sync s3://RECEIPTS-BUCKET {0}`",
            folder.display(),
            places.join("` nor `"),
        );
    }
    let (files, mut unread) = files(folder, LEDGER);
    let files = files.into_par_iter();
    let read: Vec<_> = files.map(|(key, path)| (key, read(&path))).collect();
    let mut bodies = Vec::new();
    for (key, bytes) in read {
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

/// Hands over the records, read and hashed by many, a part of them in memory at a time; those that could not be read
/// with the reason. Returns what could not even be listed.
pub fn records(folder: &Path, mut take: impl FnMut(String, Result<Found, String>)) -> Vec<Unread> {
    let mut unlisted = Vec::new();
    for kind in RecordKind::ALL {
        let (files, unread) = files(folder, kind.prefix());
        unlisted.extend(unread);
        for part in files.chunks(PART) {
            let found = part.par_iter().map(|(key, path)| {
                let found = read(path).map(|bytes| Found::read(key.clone(), &bytes));
                (key.clone(), found)
            });
            let found: Vec<(String, Result<Found, String>)> = found.collect();
            found.into_iter().for_each(|(key, found)| take(key, found));
        }
    }
    unlisted
}

fn files(folder: &Path, below: &str) -> (Vec<(String, PathBuf)>, Vec<Unread>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let top = folder.join(below);
    if !top.is_dir() {
        return (found, unread);
    }
    for entry in WalkDir::new(top) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let place = error.path().unwrap_or(folder).display().to_string();
                unread.push((place, error.to_string()));
                continue;
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.into_path();
        let below = path.strip_prefix(folder).unwrap_or(&path);
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        match parts {
            Some(parts) => found.push((parts.join("/"), path)),
            None => unread.push((path.display().to_string(), "its name is not UTF-8".into())),
        }
    }
    (found, unread)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}
