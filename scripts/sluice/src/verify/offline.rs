//! The evidence in a folder, as `aws s3 sync` makes it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kit::journal::{LEDGER, RECEIPTS};
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use walkdir::WalkDir;

use crate::verify::evidence::Found;

/// Receipts in memory at a time.
const PART: usize = 8192;

/// The manifests, by key.
///
/// # Errors
/// When the folder cannot be read or has no evidence.
pub fn manifests(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    if !folder.join(RECEIPTS).is_dir() && !folder.join(LEDGER).is_dir() {
        bail!(
            "`{}` has neither `{RECEIPTS}` nor `{LEDGER}`: download both with `aws s3 sync s3://RECEIPTS-BUCKET {0}`",
            folder.display()
        );
    }
    let files = files(folder, LEDGER)?.into_par_iter();
    files.map(|(key, path)| Ok((key, read(&path)?))).collect()
}

/// Hands over the receipts, read and hashed by many, a part of them in memory at a time.
///
/// # Errors
/// When one cannot be read.
pub fn receipts(folder: &Path, mut take: impl FnMut(Found)) -> anyhow::Result<()> {
    for part in files(folder, RECEIPTS)?.chunks(PART) {
        let found = part.par_iter();
        let found = found.map(|(key, path)| Ok(Found::read(key.clone(), &read(path)?)));
        let found: anyhow::Result<Vec<Found>> = found.collect();
        found?.into_iter().for_each(&mut take);
    }
    Ok(())
}

fn files(folder: &Path, below: &str) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let top = folder.join(below);
    if !top.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(top) {
        let entry = entry.with_context(|| format!("cannot read `{}`", folder.display()))?;
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.into_path();
        let below = path.strip_prefix(folder).unwrap_or(&path);
        let parts = below.iter().map(|part| part.to_str());
        let parts: Option<Vec<&str>> = parts.collect();
        let parts = parts.with_context(|| format!("`{}` is no key", path.display()))?;
        found.push((parts.join("/"), path));
    }
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}
