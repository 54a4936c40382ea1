//! Local files that were named on the command line.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use untrusted_text::escape_line;
use walkdir::WalkDir;

/// A path for a message, escaped.
#[must_use]
pub fn shown(path: &Path) -> String {
    escape_line(&path.to_string_lossy())
}

/// The bytes of a file, which may be a pipe; at most `limit`.
///
/// # Errors
/// When it cannot be read or has more bytes.
pub fn read_limited(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?.take(limit + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        bail!("it has more than {limit} bytes");
    }
    Ok(bytes)
}

/// What is at a path, links followed: a regular file or a folder that can be opened.
///
/// # Errors
/// When there is nothing, it cannot be opened, or it is neither; the message names the path.
pub fn regular(path: &Path) -> anyhow::Result<Metadata> {
    let name = shown(path);
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read `{name}`"))?;
    if !metadata.is_file() && !metadata.is_dir() {
        bail!("`{name}` is a {}, not a file", kind(&metadata));
    }
    // Opened only now: to open a pipe would wait for its writer.
    if metadata.is_file() {
        File::open(path).with_context(|| format!("cannot read `{name}`"))?;
    }
    Ok(metadata)
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let of = metadata.file_type();
    match () {
        () if of.is_fifo() => "named pipe",
        () if of.is_socket() => "socket",
        () if of.is_char_device() || of.is_block_device() => "device",
        () => "special file",
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "special file"
}

/// An error of walking a folder, which names its path itself, once and escaped.
#[must_use]
pub fn walk_error(error: &walkdir::Error) -> anyhow::Error {
    let path = error.path().map(shown).unwrap_or_default();
    if let Some(ancestor) = error.loop_ancestor() {
        return anyhow::anyhow!("`{path}` is a link to `{}`, which contains it: a loop", shown(ancestor));
    }
    match error.io_error() {
        Some(io) => anyhow::anyhow!("cannot read `{path}`: {io}"),
        None => anyhow::anyhow!("cannot read `{path}`"),
    }
}

/// Whether a file is JSON by its name.
#[must_use]
pub fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// A file to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// The files of a path, in order: a file that is named is meant whatever its name; of a folder, those below it whose
/// names end in `.json`, links followed. What has such a name and is no readable file is an error.
pub fn listed(root: &Path) -> impl Iterator<Item = anyhow::Result<Listed>> {
    let folder = root.is_dir();
    let entries = WalkDir::new(root).follow_links(true).sort_by_file_name();
    entries.into_iter().filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let broken = error.io_error().map(io::Error::kind) == Some(ErrorKind::NotFound);
                let other = broken && error.path().is_some_and(|p| folder && !is_json(p));
                return (!other).then(|| Err(walk_error(&error)));
            }
        };
        if entry.file_type().is_dir() || (folder && !is_json(entry.path())) {
            return None;
        }
        let path = entry.into_path();
        Some(regular(&path).map(|metadata| Listed { path, size: metadata.len() }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_limited(&path, 5).unwrap(), b"12345");
        assert!(read_limited(&path, 4).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_is_not_read_to_it() {
        assert!(read_limited(Path::new("/dev/zero"), 1024).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_files_and_folders_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        assert!(regular(folder.path()).is_ok());
        let error = regular(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.contains("is a device"), "{error}");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(regular(&link).is_err());
        let (name, inside) = (folder.path().join("loop"), folder.path());
        std::os::unix::fs::symlink(inside, &name).unwrap();
        let found = WalkDir::new(inside).follow_links(true).into_iter();
        let errors: Vec<String> = found.filter_map(Result::err).map(|e| walk_error(&e).to_string()).collect();
        assert!(errors.iter().any(|e| e.ends_with("a loop")), "{errors:?}");
        assert!(errors.iter().any(|e| e.matches("os error").count() == 1), "{errors:?}");
    }
}
