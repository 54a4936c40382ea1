//! Reading files that must be UTF-8 text.
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::source::SourceFile;

/// Why an input could not be read at all.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The path does not exist.
    #[error("cannot find `{0}`: check the path")]
    Missing(String),
    /// The system refused.
    #[error("cannot read `{path}`: {reason}; check its permissions")]
    Refused {
        /// The path.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// A pipe, a socket, a device: reading it might never end.
    #[error("cannot read `{0}`: it is not a file; give `-` and send its content to standard input")]
    NotFile(String),
    /// Not text.
    #[error("cannot read `{path}`: byte {at} is not UTF-8; convert the file to UTF-8")]
    NotText {
        /// The path.
        path: String,
        /// The first bad byte.
        at: usize,
    },
    /// Larger than offsets can say.
    #[error("cannot read `{path}`: it has {size} bytes and the limit is 1 GiB; split it")]
    TooLarge {
        /// The path.
        path: String,
        /// Its size.
        size: u64,
    },
}

const MAX_FILE_BYTES: u64 = 1 << 30;

/// Reads a file that must be UTF-8 text.
pub fn read(path: &Path) -> Result<Arc<SourceFile>, ReadError> {
    let name = path.display().to_string();
    let refused = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => ReadError::Missing(name.clone()),
        _ => refused(name.clone(), &e),
    };
    let about = std::fs::metadata(path).map_err(refused)?;
    if about.len() > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge { path: name, size: about.len() });
    }
    if !about.is_file() && !about.is_dir() && !is_open_already(path) {
        return Err(ReadError::NotFile(name));
    }
    text(name.clone(), std::fs::read(path).map_err(refused)?)
}

/// What a shell has opened for us, as in `policy-lint check <(terraform show -json plan.bin)`.
fn is_open_already(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path == Path::new("/dev/stdin")
}

/// Makes a file of bytes that came from elsewhere.
pub fn text(path: String, bytes: Vec<u8>) -> Result<Arc<SourceFile>, ReadError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::new(SourceFile::new(path, text))),
        Err(e) => Err(ReadError::NotText { path, at: e.utf8_error().valid_up_to() }),
    }
}

/// The error for a path that the system refuses to read.
pub fn refused(path: String, error: &std::io::Error) -> ReadError {
    ReadError::Refused { path, reason: lower(error) }
}

fn lower(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect())
}
