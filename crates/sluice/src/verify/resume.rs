//! What was read and found right, so that a verification that was cut off goes on where it was.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::verify::versions::Work;

/// A file of what was found right, a line each. It is removed when a verification comes to its end, so that the next
/// one reads everything again.
pub struct Resume {
    path: PathBuf,
    file: File,
    done: HashSet<String>,
}

impl Resume {
    /// Goes on from this file, or begins it.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let failed = || format!("cannot use `{}` to go on from", path.display());
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true);
        let file = options.open(path).with_context(failed)?;
        let lines = BufReader::new(&file).lines();
        let done: Result<HashSet<String>, _> = lines.collect();
        let done = done.with_context(failed)?;
        // The file is removed at the end, so it must be ours.
        let digest = |line: &&String| line.len() <= 64 && line.bytes().all(|b| b.is_ascii_hexdigit());
        if done.iter().filter(digest).count() < done.len() {
            bail!("`{}` is no file of an interrupted verification; name another", path.display());
        }
        let mut resume = Self { path: path.to_owned(), done, file };
        // What comes next must not go on in a line that was cut off.
        resume.write("\n")?;
        Ok(resume)
    }

    /// Whether it was found right.
    #[must_use]
    pub fn has(&self, work: &Work) -> bool {
        self.done.contains(&line(work))
    }

    /// Notes that it was found right.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&mut self, work: &Work) -> anyhow::Result<()> {
        self.write(&format!("{}\n", line(work)))
    }

    fn write(&mut self, line: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| format!("cannot write `{}`", self.path.display()))
    }

    /// Removes the file: everything was read.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn end(self) -> anyhow::Result<()> {
        std::fs::remove_file(&self.path).with_context(|| format!("cannot remove `{}`", self.path.display()))
    }
}

/// By the digest of the receipt, which says everything that was compared. A line cut off is no digest.
fn line(work: &Work) -> String {
    work.evidence_sha256.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_types::ObjectVersion as Version;

    fn work(digest: &str) -> Work {
        Work {
            version: Version { bucket: "b".into(), key: "k".into(), version_id: "v".into() },
            evidence: "e".into(),
            evidence_sha256: digest.into(),
            sha256: String::new(),
            size: 0,
            etag: None,
        }
    }

    #[test]
    fn what_was_found_right_is_not_read_again_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume");
        let mut first = Resume::open(&path).unwrap();
        assert!(!first.has(&work("11")));
        first.note(&work("11")).unwrap();
        drop(first);
        let second = Resume::open(&path).unwrap();
        assert!(second.has(&work("11")) && !second.has(&work("12")));
        second.end().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_spoil_the_next_and_another_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resume");
        std::fs::write(&path, "11\n1").unwrap();
        Resume::open(&path).unwrap().note(&work("12")).unwrap();
        let again = Resume::open(&path).unwrap();
        assert!(again.has(&work("11")) && again.has(&work("12")));
        std::fs::write(&path, "-----BEGIN PUBLIC KEY-----\n").unwrap();
        assert!(Resume::open(&path).is_err() && path.exists());
    }
}
