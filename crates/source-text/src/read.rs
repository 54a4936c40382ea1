//! Reading files that must be UTF-8 text.
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::source::SourceFile;

/// Why a file could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The path does not exist.
    #[error("cannot find `{0}`: check the path")]
    Missing(String),
    /// The system refuses to read it.
    #[error("cannot read `{path}`: {reason}; check its permissions")]
    Refused {
        /// The path.
        path: String,
        /// The system's message.
        reason: String,
    },
    /// A pipe, a socket or a device, which may never end.
    #[error("cannot read `{0}`: it is not a file; give `-` and send its content to standard input")]
    NotFile(String),
    /// The content is not UTF-8.
    #[error("cannot read `{path}`: byte {at} is not UTF-8; convert the file to UTF-8")]
    NotText {
        /// The path.
        path: String,
        /// The offset of the first invalid byte.
        at: usize,
    },
    /// It is larger than [`crate::Span`] can address.
    #[error("cannot read `{path}`: it has {size} bytes and the limit is 1 GiB; split it")]
    TooLarge {
        /// The path.
        path: String,
        /// Its size in bytes.
        size: u64,
    },
}

const MAX_FILE_BYTES: u64 = 1 << 30;

/// Reads a UTF-8 file of at most 1 GiB.
///
/// # Errors
/// If the path does not exist, cannot be read, is not a file, is too large or is not UTF-8.
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

/// Whether the shell has opened it, as in `policy-lint check <(terraform show -json plan.bin)`.
fn is_open_already(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path == Path::new("/dev/stdin")
}

/// A source file of bytes that were read elsewhere.
///
/// # Errors
/// If the bytes are not UTF-8.
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
    let mut letters = text.split(" (os error").next().unwrap_or_default().chars();
    letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect())
}
