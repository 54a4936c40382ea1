//! Local files named on the command line.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use untrusted_text::escape_line;
use walkdir::WalkDir;

/// A path, escaped for messages.
pub(crate) fn shown(path: &Path) -> String {
    escape_line(&path.to_string_lossy())
}

/// Reads a file or a pipe of at most `limit` bytes.
///
/// # Errors
/// If it cannot be read or is larger.
pub(crate) fn read_limited(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?.take(limit + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        bail!("it has more than {limit} bytes");
    }
    Ok(bytes)
}

/// The metadata of a regular file or a folder; links are followed.
///
/// # Errors
/// If the path does not exist, cannot be opened, or is a pipe, a socket or a device; the message names the path.
pub(crate) fn regular_metadata(path: &Path) -> anyhow::Result<Metadata> {
    let name = shown(path);
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read `{name}`"))?;
    if !metadata.is_file() && !metadata.is_dir() {
        bail!("`{name}` is a {}, not a file", kind(&metadata));
    }
    // Opened only now, because opening a pipe would wait for its writer.
    if metadata.is_file() {
        File::open(path).with_context(|| format!("cannot read `{name}`"))?;
    }
    Ok(metadata)
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let file_type = metadata.file_type();
    match () {
        () if file_type.is_fifo() => "named pipe",
        () if file_type.is_socket() => "socket",
        () if file_type.is_char_device() || file_type.is_block_device() => "device",
        () => "special file",
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "special file"
}

/// An error of walking a folder. The message names the path once, escaped.
pub(crate) fn walk_error(error: &walkdir::Error) -> anyhow::Error {
    let path = error.path().map(shown).unwrap_or_default();
    if let Some(ancestor) = error.loop_ancestor() {
        return anyhow::anyhow!("`{path}` is a link to `{}`, which contains it: a loop", shown(ancestor));
    }
    match error.io_error() {
        Some(io) => anyhow::anyhow!("cannot read `{path}`: {io}"),
        None => anyhow::anyhow!("cannot read `{path}`"),
    }
}

/// Whether the name of a file ends in `.json`, in any case.
pub(crate) fn has_json_extension(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// A file found by [`find_files`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalFile {
    pub(crate) path: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
}

/// The files at a path, sorted by name. A path to a file yields that file whatever its name; a folder yields the files
/// below it whose names end in `.json`. Links are followed. A `.json` entry that is not a readable file is an error.
pub(crate) fn find_files(root: &Path) -> impl Iterator<Item = anyhow::Result<LocalFile>> {
    let is_folder = root.is_dir();
    let entries = WalkDir::new(root).follow_links(true).sort_by_file_name();
    entries.into_iter().filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let is_broken_link = error.io_error().map(io::Error::kind) == Some(ErrorKind::NotFound);
                let ignored = is_broken_link && error.path().is_some_and(|p| is_folder && !has_json_extension(p));
                return (!ignored).then(|| Err(walk_error(&error)));
            }
        };
        if entry.file_type().is_dir() || (is_folder && !has_json_extension(entry.path())) {
            return None;
        }
        let path = entry.into_path();
        Some(regular_metadata(&path).map(|metadata| LocalFile { path, size: metadata.len() }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_limited(&path, 5).unwrap(), b"12345");
        assert!(read_limited(&path, 4).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_device_is_read_up_to_the_limit() {
        assert!(read_limited(Path::new("/dev/zero"), 1024).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_and_folders_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        assert!(regular_metadata(folder.path()).is_ok());
        let error = regular_metadata(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.contains("is a device"), "{error}");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(regular_metadata(&link).is_err());
        let (name, inside) = (folder.path().join("loop"), folder.path());
        std::os::unix::fs::symlink(inside, &name).unwrap();
        let found = WalkDir::new(inside).follow_links(true).into_iter();
        let errors: Vec<String> = found.filter_map(Result::err).map(|e| walk_error(&e).to_string()).collect();
        assert!(errors.iter().any(|e| e.ends_with("a loop")), "{errors:?}");
        assert!(errors.iter().any(|e| e.matches("os error").count() == 1), "{errors:?}");
    }
}
