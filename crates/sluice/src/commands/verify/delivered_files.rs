//! `--file`: whether a local file arrived.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};
use sluice_types::ObjectVersion;
use sluice_types::digest::hex;

use super::evidence::{CheckedReceipt, Evidence};
use super::versions::VersionComparison;
use crate::key_selection::KeySelection;

/// A local file that may have arrived.
pub(super) struct DeliveredFile {
    pub(super) path: PathBuf,
    /// Hexadecimal.
    pub(super) sha256: String,
}

/// Computes the digests of files.
pub(super) fn read_digests(paths: &[PathBuf]) -> anyhow::Result<Vec<DeliveredFile>> {
    let read = |path: &PathBuf| Ok(DeliveredFile { path: path.clone(), sha256: digest(path)? });
    paths.iter().map(read).collect()
}

impl DeliveredFile {
    /// The sound receipts with the digest of the file, oldest first.
    pub(super) fn receipts<'a>(&self, evidence: &'a Evidence<'_>) -> Vec<&'a CheckedReceipt> {
        let has_digest = |c: &&CheckedReceipt| c.is_sound && c.receipt.sha256.as_deref() == Some(self.sha256.as_str());
        let mut receipts: Vec<_> = evidence.receipts.values().filter(has_digest).collect();
        receipts.sort_unstable_by_key(|c| (c.receipt.recorded_at, &c.receipt.key));
        receipts
    }
}

/// The versions whose receipts have the digest of a file.
pub(super) struct FileVersions(HashSet<ObjectVersion>);

impl FileVersions {
    pub(super) fn new(files: &[DeliveredFile], evidence: &Evidence<'_>) -> Self {
        let receipts = files.iter().flat_map(|file| file.receipts(evidence));
        Self(receipts.map(|checked| checked.receipt.version()).collect())
    }

    pub(super) fn versions(&self) -> &HashSet<ObjectVersion> {
        &self.0
    }

    /// Selections of their keys.
    pub(super) fn selections(&self) -> Vec<KeySelection> {
        let selection =
            |version: &ObjectVersion| KeySelection { bucket: version.bucket.clone(), prefix: version.key.clone() };
        let mut selections: Vec<KeySelection> = self.0.iter().map(selection).collect();
        selections.sort_unstable();
        selections.dedup();
        selections
    }

    /// The versions that exist neither in S3 nor in quarantine and that no operator released or removed.
    pub(super) fn unmatched(&self, comparison: &VersionComparison<'_>) -> HashSet<ObjectVersion> {
        let existing = comparison.pending_reads.iter().map(|pending| &pending.version);
        let operated = comparison.operated.iter().map(|(version, _)| version);
        let moved = comparison.moved.iter();
        let matched: HashSet<&ObjectVersion> = existing.chain(operated).chain(moved).collect();
        self.0.iter().filter(|version| !matched.contains(version)).cloned().collect()
    }
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let failure = || format!("cannot read `{}`", path.display());
    let mut file = std::fs::File::open(path).with_context(failure)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match std::io::Read::read(&mut file, &mut buffer).with_context(failure)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
