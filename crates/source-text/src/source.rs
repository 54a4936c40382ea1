//! Source files, and spans and positions in them.
use std::sync::{Arc, OnceLock};

/// A source text and its path.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as given, `<stdin>` for standard input.
    pub path: String,
    /// The whole content.
    pub text: String,
    index: OnceLock<Index>,
}

/// Offsets of lines, and the number of characters before every block of bytes.
#[derive(Debug)]
struct Index {
    lines: Vec<usize>,
    blocks: Vec<usize>,
}

/// The size of a block in bytes.
const BLOCK: usize = 1024;

fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count()
}

impl SourceFile {
    /// A source text with its path.
    #[inline]
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

    /// The offset of the line that contains `offset`, and its number from 1.
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
        // Editors do not count a byte order mark.
        let marked = line == 1 && at > 0 && self.text.starts_with('\u{feff}');
        Position { line, column: 1 + before(at) - before(start) - usize::from(marked), offset }
    }
}

/// A range of bytes of one of [`SourceFiles`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The number of the file.
    pub file: u32,
    /// The offset of the first byte.
    pub start: u32,
    /// The offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// A span in a file. Offsets that do not fit are clamped.
    #[inline]
    pub fn new(file: u32, start: usize, end: usize) -> Span {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: clamp(start), end: clamp(end) }
    }
}

/// The files that [`Span`]s point into.
#[derive(Clone, Debug, Default)]
pub struct SourceFiles(Vec<Arc<SourceFile>>);

impl SourceFiles {
    /// Adds a file and returns its number.
    pub fn add(&mut self, file: Arc<SourceFile>) -> u32 {
        self.0.push(file);
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }

    /// The file with a number.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&Arc<SourceFile>> {
        self.0.get(number as usize)
    }

    /// The files whose names end in `.tf`.
    pub fn terraform(&self) -> Vec<Arc<SourceFile>> {
        self.0.iter().filter(|f| f.path.ends_with(".tf")).cloned().collect()
    }

    /// The file and offsets of a span, widened to whole characters.
    pub fn locate(&self, span: Span) -> Option<Location> {
        let file = self.get(span.file)?.clone();
        // Parsers point at bytes, which may be inside of a character.
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
    /// The offset of the first byte.
    pub start: u32,
    /// The offset behind the last byte.
    pub end: u32,
}

/// A position as editors count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The offset in bytes, from 0.
    pub offset: u32,
}

impl Location {
    /// Its start and its end.
    pub fn positions(&self) -> (Position, Position) {
        (self.file.position(self.start), self.file.position(self.end.max(self.start)))
    }
}
