//! Files: finding them, reading them, and saying where in them something stands.
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use thiserror::Error;

/// A text with the name people know it by.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as given, `<stdin>` for standard input.
    pub path: String,
    /// The whole content.
    pub text: String,
    index: OnceLock<Index>,
}

/// Where lines begin, and how many characters stand before every block of bytes.
#[derive(Debug)]
struct Index {
    lines: Vec<usize>,
    blocks: Vec<usize>,
}

/// Bytes of a block.
const BLOCK: usize = 1024;

fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count()
}

impl SourceFile {
    /// A text under a name.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> SourceFile {
        SourceFile { path: path.into(), text: text.into(), index: OnceLock::new() }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let breaks = self.text.match_indices('\n').map(|(i, _)| i + 1);
            let lines = std::iter::once(0).chain(breaks).collect();
            let counts = self.text.as_bytes().chunks(BLOCK).map(characters);
            let blocks = std::iter::once(0).chain(counts.scan(0, |sum, n| {
                *sum += n;
                Some(*sum)
            }));
            Index { lines, blocks: blocks.collect() }
        })
    }

    /// The first byte of the line of `offset`, and the line's number from 1.
    pub fn line(&self, offset: usize) -> (usize, usize) {
        let lines = &self.index().lines;
        let number = lines.partition_point(|&start| start <= offset).max(1);
        (lines.get(number - 1).copied().unwrap_or(0), number)
    }

    fn position(&self, offset: u32) -> Position {
        let at = (offset as usize).min(self.text.len());
        let (start, line) = self.line(at);
        let before = |at: usize| {
            let block = at / BLOCK;
            let rest = self.text.as_bytes().get(block * BLOCK..at).unwrap_or_default();
            self.index().blocks.get(block).copied().unwrap_or(0) + characters(rest)
        };
        // A mark of the byte order is nothing that people see.
        let marked = line == 1 && at > 0 && self.text.starts_with('\u{feff}');
        Position { line, column: 1 + before(at) - before(start) - usize::from(marked), offset }
    }
}

/// A stretch of one file of a [`Files`] table, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file's number.
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span in the file numbered `file`.
    pub fn new(file: u32, start: usize, end: usize) -> Span {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: clamp(start), end: clamp(end) }
    }
}

/// The files of one run over one input; spans point into it.
#[derive(Clone, Debug, Default)]
pub struct SourceFiles(Vec<Arc<SourceFile>>);

impl SourceFiles {
    /// Adds a file and gives its number.
    pub fn add(&mut self, file: Arc<SourceFile>) -> u32 {
        self.0.push(file);
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }

    /// The file numbered `number`.
    pub fn get(&self, number: u32) -> Option<&Arc<SourceFile>> {
        self.0.get(number as usize)
    }

    /// The HCL files, each once.
    pub fn terraform(&self) -> Vec<Arc<SourceFile>> {
        self.0.iter().filter(|f| f.path.ends_with(".tf")).cloned().collect()
    }

    /// Resolves a span.
    pub fn locate(&self, span: Span) -> Option<Location> {
        let file = self.get(span.file)?.clone();
        // Parsers point at bytes; a place never begins or ends inside a character.
        let bound = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let start = bound(file.text.floor_char_boundary(span.start as usize));
        let end = bound(file.text.ceil_char_boundary(span.end as usize));
        Some(Location { file, start, end: end.max(start) })
    }
}

/// A span with its file.
#[derive(Clone, Debug)]
pub struct Location {
    /// The file.
    pub file: Arc<SourceFile>,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A point of a file as people and editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// From 0, in bytes.
    pub offset: u32,
}

impl Location {
    /// Where it starts and ends.
    pub fn positions(&self) -> (Position, Position) {
        (self.file.position(self.start), self.file.position(self.end.max(self.start)))
    }
}

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
        _ => ReadError::Refused { path: name.clone(), reason: lower(&e) },
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

fn lower(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect())
}

/// The files under a folder that could carry policies, sorted; what git ignores is left out.
pub fn walk(folder: &Path) -> (Vec<PathBuf>, Vec<ReadError>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    let skip = |name: &std::ffi::OsStr| name == ".git" || name == ".terraform" || name == "node_modules";
    let walker = ignore::WalkBuilder::new(folder)
        .hidden(false)
        .require_git(false)
        .filter_entry(move |entry| !skip(entry.file_name()) || entry.depth() == 0)
        .build();
    for entry in walker {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) && is_candidate(entry.path()) => {
                found.push(entry.into_path());
            }
            Ok(entry) if entry.path_is_symlink() && is_candidate(entry.path()) && entry.path().is_file() => {
                found.push(entry.into_path());
            }
            Ok(_) => {}
            Err(e) => errors.extend(walk_error(&e)),
        }
    }
    let plain = |path: PathBuf| path.strip_prefix("./").map(Path::to_path_buf).unwrap_or(path);
    let mut found: Vec<PathBuf> = found.into_iter().map(plain).collect();
    found.sort();
    (found, errors)
}

fn is_candidate(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json" || e == "tf")
}

fn walk_error(error: &ignore::Error) -> Option<ReadError> {
    fn path_of(error: &ignore::Error) -> Option<String> {
        match error {
            ignore::Error::WithPath { path, .. } => Some(path.display().to_string()),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
            _ => None,
        }
    }
    let reason = lower(error.io_error()?);
    // The walker's own words repeat the path before the system's.
    let (before, system) = reason.rsplit_once(": ").unwrap_or(("", &reason));
    let path = path_of(error).or_else(|| before.rsplit_once(" on ").map(|(_, p)| p.to_owned()));
    let path = path.unwrap_or_else(|| String::from("a folder"));
    Some(ReadError::Refused { path, reason: system.to_lowercase() })
}
