//! The packed tables: a row is a run of little-endian `u32`, a string its offset and length, a list its offset.
use std::cmp::Ordering;

static STRINGS: &str = include_str!(concat!(env!("OUT_DIR"), "/strings.txt"));
static LISTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lists.bin"));

/// Bits of a string's number that are its length; the others are its offset.
const LENGTH_BITS: u32 = 9;

/// A table of rows with `WIDTH` columns; column 0 is the name.
pub(super) struct Table<const WIDTH: u32>(pub(super) &'static [u8]);

impl<const WIDTH: u32> Table<WIDTH> {
    #[inline]
    pub(super) fn rows(&self) -> u32 {
        u32::try_from(self.0.len() / 4).unwrap_or(0) / WIDTH
    }

    #[inline]
    pub(super) fn get(&self, row: u32, column: u32) -> u32 {
        number(self.0, row * WIDTH + column)
    }

    /// The row in `first..end` whose name (column 0) compares equal to what `order` looks for.
    pub(super) fn find(&self, first: u32, end: u32, order: impl Fn(&str) -> Ordering) -> Option<u32> {
        let (mut low, mut high) = (first, end);
        while low < high {
            let middle = low + (high - low) / 2;
            match order(string(self.get(middle, 0))) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(middle),
            }
        }
        None
    }
}

/// The number at an index of a table or list.
#[inline]
fn number(bytes: &[u8], index: u32) -> u32 {
    let at = index as usize * 4;
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// The string that a column names.
#[inline]
pub(super) fn string(at: u32) -> &'static str {
    let (from, length) = ((at >> LENGTH_BITS) as usize, (at & ((1 << LENGTH_BITS) - 1)) as usize);
    STRINGS.get(from..from + length).unwrap_or("")
}

/// The length of the list that a column names.
#[inline]
pub(super) fn list_length(at: u32) -> u32 {
    number(LISTS, at)
}

/// The numbers of the list that a column names.
#[inline]
pub(super) fn list(at: u32) -> impl Iterator<Item = u32> {
    (0..number(LISTS, at)).map(move |i| number(LISTS, at + 1 + i))
}
