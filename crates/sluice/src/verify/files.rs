//! `--file`: whether a file is one that arrived.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};
use sluice_types::ObjectVersion as Version;
use sluice_types::digest::hex;

use crate::target::Target;
use crate::verify::evidence::{Evidence, Kept};
use crate::verify::finding::version_of;
use crate::verify::versions::Versions;

/// A file and the SHA-256 of its bytes, hexadecimal.
pub struct File {
    /// Its path as it was given.
    pub path: PathBuf,
    /// The digest.
    pub sha256: String,
}

/// The files with their digests.
///
/// # Errors
/// When one cannot be read.
pub fn digests(paths: &[PathBuf]) -> anyhow::Result<Vec<File>> {
    let file = |path: &PathBuf| {
        let sha256 = digest(path)?;
        Ok(File { path: path.clone(), sha256 })
    };
    paths.iter().map(file).collect()
}

impl File {
    /// The sound receipts of these bytes, oldest first.
    #[must_use]
    pub fn receipts<'a>(&self, evidence: &'a Evidence<'_>) -> Vec<&'a Kept> {
        let kept = evidence.kept.values().filter(|k| k.sound);
        let same = kept.filter(|k| k.receipt.sha256.as_deref() == Some(self.sha256.as_str()));
        let mut same: Vec<_> = same.collect();
        same.sort_unstable_by_key(|k| (k.receipt.recorded_at, &k.receipt.key));
        same
    }
}

/// The versions that files may be.
pub struct Wanted(HashSet<Version>);

impl Wanted {
    /// Those of the receipts with a digest of one of the files.
    #[must_use]
    pub fn new(files: &[File], evidence: &Evidence<'_>) -> Self {
        let receipts = files.iter().flat_map(|file| file.receipts(evidence));
        Self(receipts.map(|kept| version_of(&kept.receipt)).collect())
    }

    /// The versions.
    #[must_use]
    pub fn versions(&self) -> &HashSet<Version> {
        &self.0
    }

    /// Their keys.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let target = |version: &Version| Target { bucket: version.bucket.clone(), prefix: version.key.clone() };
        let mut targets: Vec<Target> = self.0.iter().map(target).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// Those that were found neither in S3 nor in quarantine, nor were they released or removed on record.
    #[must_use]
    pub fn unmatched(&self, versions: &Versions<'_>) -> HashSet<Version> {
        let read = versions.work.iter().map(|work| &work.version);
        let operated = versions.operated.iter().map(|(version, _)| version);
        let moved = versions.moved.iter();
        let matched: HashSet<&Version> = read.chain(operated).chain(moved).collect();
        let left = self.0.iter().filter(|version| !matched.contains(version));
        left.cloned().collect()
    }
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let failed = || format!("cannot read `{}`", path.display());
    let mut file = std::fs::File::open(path).with_context(failed)?;
    let (mut sum, mut part) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match std::io::Read::read(&mut file, &mut part).with_context(failed)? {
            0 => return Ok(hex(&sum.finalize())),
            read => sum.update(&part[..read]),
        }
    }
}
