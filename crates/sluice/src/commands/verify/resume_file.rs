//! The file of verified versions with which an interrupted verification continues.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::versions::PendingRead;

/// A file with one line for each verified version. It is removed when a verification is complete, so that the next one reads
/// every version again.
pub(super) struct ResumeFile {
    path: PathBuf,
    file: File,
    verified: HashSet<String>,
}

impl ResumeFile {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// If it cannot be read or written, or is another file.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let failure = || format!("cannot use the resume file `{}`", path.display());
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).with_context(failure)?;
        let lines: Result<HashSet<String>, _> = BufReader::new(&file).lines().collect();
        let verified = lines.with_context(failure)?;
        // The file is removed at the end, so it must be a resume file.
        let is_digest = |line: &&String| line.len() <= 64 && line.bytes().all(|b| b.is_ascii_hexdigit());
        if verified.iter().filter(is_digest).count() < verified.len() {
            bail!("`{}` is not a resume file: name another file with --resume", path.display());
        }
        let mut resume_file = Self { path: path.to_owned(), verified, file };
        // The next line must not be appended to an incomplete one.
        resume_file.write("\n")?;
        Ok(resume_file)
    }

    /// Whether a version was verified.
    pub(super) fn contains(&self, pending: &PendingRead) -> bool {
        self.verified.contains(&pending.receipt_sha256)
    }

    /// Adds a verified version, identified by the digest of its receipt. An incomplete line is not a digest.
    pub(super) fn add(&mut self, pending: &PendingRead) -> anyhow::Result<()> {
        self.write(&format!("{}\n", pending.receipt_sha256))
    }

    fn write(&mut self, line: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| format!("cannot write `{}`", self.path.display()))
    }

    /// Removes the file after a complete verification.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        std::fs::remove_file(&self.path).with_context(|| format!("cannot remove `{}`", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_types::ObjectVersion;

    fn pending(digest: &str) -> PendingRead {
        PendingRead {
            version: ObjectVersion { bucket: "b".into(), key: "k".into(), version_id: "v".into() },
            receipt_key: "e".into(),
            receipt_sha256: digest.into(),
            sha256: String::new(),
            size: 0,
            etag: None,
        }
    }

    #[test]
    fn verified_versions_are_kept_until_the_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume");
        let mut first = ResumeFile::open(&path).unwrap();
        assert!(!first.contains(&pending("11")));
        first.add(&pending("11")).unwrap();
        drop(first);
        let second = ResumeFile::open(&path).unwrap();
        assert!(second.contains(&pending("11")) && !second.contains(&pending("12")));
        second.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn incomplete_lines_are_ignored_and_other_files_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume");
        std::fs::write(&path, "11\n1").unwrap();
        ResumeFile::open(&path).unwrap().add(&pending("12")).unwrap();
        let again = ResumeFile::open(&path).unwrap();
        assert!(again.contains(&pending("11")) && again.contains(&pending("12")));
        std::fs::write(&path, "-----BEGIN PUBLIC KEY-----\n").unwrap();
        assert!(ResumeFile::open(&path).is_err() && path.exists());
    }
}
