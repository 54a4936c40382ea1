//! Source files, and spans and positions in them.
use std::sync::{Arc, OnceLock};

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
