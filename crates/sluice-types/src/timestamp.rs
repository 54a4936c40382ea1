//! Points in time as records have them.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A point in time from 1970 on, in whole milliseconds. Its text is RFC 3339 in UTC, always with three decimals, so that
/// texts sort in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp {
    /// Since 1970, at most [`MAX_MILLIS`].
    milliseconds: u64,
}

/// A text that is not a point in time from 1970 on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a time such as 2026-11-23T14:05:09.123Z")]
pub struct InvalidTimestamp(String);

/// The latest time that [`Timestamp`] holds, in milliseconds since 1970: 9999-12-30T22:00:00Z.
const MAX_MILLIS: u64 = 253_402_207_200_000;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self::from_millis(0);

    /// The time of this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(MAX_MILLIS))
    }

    /// From milliseconds since 1970; a time after 9999-12-30T22:00:00Z becomes that time.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self { milliseconds: if milliseconds < MAX_MILLIS { milliseconds } else { MAX_MILLIS } }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.milliseconds
    }

    /// This many milliseconds earlier, not before 1970.
    #[must_use]
    pub fn minus_millis(self, milliseconds: u64) -> Self {
        Self::from_millis(self.milliseconds.saturating_sub(milliseconds))
    }

    /// This many milliseconds later, not after 9999-12-30T22:00:00Z.
    #[must_use]
    pub fn plus_millis(self, milliseconds: u64) -> Self {
        Self::from_millis(self.milliseconds.saturating_add(milliseconds))
    }
}

impl Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.milliseconds.cast_signed();
        let timestamp = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{timestamp:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// From RFC 3339 with any offset; fractions of a millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed = parse(text).filter(|parsed| *parsed >= jiff::Timestamp::UNIX_EPOCH);
        let milliseconds = parsed.and_then(|parsed| u64::try_from(parsed.as_millisecond()).ok());
        milliseconds.map(Self::from_millis).ok_or_else(|| InvalidTimestamp(text.to_owned()))
    }
}

/// Splits an RFC 3339 time into its numbers, which jiff validates and converts. Jiff's own parser also reads time zones
/// and calendars; it would make the program of every Lambda 150 KB larger.
fn parse(text: &str) -> Option<jiff::Timestamp> {
    let (date, time) = text.split_once('T')?;
    let (time, offset) = time.split_at(time.find(['Z', '+', '-'])?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_number = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let nanosecond: i32 = format!("{fraction:0<9}").get(..9).filter(|_| is_number)?.parse().ok()?;
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let (hour, minute, second) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?);
    let date_time = jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
    parse_offset(offset)?.to_timestamp(date_time).ok()
}

fn parse_offset(text: &str) -> Option<jiff::tz::Offset> {
    if text == "Z" {
        return Some(jiff::tz::Offset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(text.get(1..)?, ':')?;
    let seconds = (hours < 24 && minutes < 60).then_some(i32::from(hours) * 3600 + i32::from(minutes) * 60)?;
    jiff::tz::Offset::from_seconds(sign * seconds).ok()
}

/// Exactly `N` numbers of two digits, the first of a date of four.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i16; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (index, number) in numbers.iter_mut().enumerate() {
        let digits = if separator == '-' && index == 0 { 4 } else { 2 };
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_text_is_rfc_3339_with_three_decimals() {
        assert_eq!(Timestamp::UNIX_EPOCH.to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(1_763_906_709_007).to_string(), "2025-11-23T14:05:09.007Z");
        assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "9999-12-30T22:00:00.000Z");
        let with_offset = "2025-11-23T15:05:09.0079+01:00".parse();
        assert_eq!(with_offset, Ok(Timestamp::from_millis(1_763_906_709_007)));
        let invalid = [
            "yesterday",
            "2025-11-23",
            "1969-12-31T23:59:59.9999Z",
            "2025-11-23T14:05:09",
            "2025-11-23T14:05:09.Z",
            "2025-11-23T14:05:09.1_2Z",
            "2025-13-23T14:05:09Z",
            "2025-02-29T14:05:09Z",
            "2025-11-23T24:05:09Z",
            "2025-11-23T14:05:09+24:00",
            "2025-11-23T14:05Z",
            "2025-11-23T14:05:09Z ",
            "+025-11-23T14:05:09Z",
            "2025-11-23T14:05:09+0100",
            "2025-11-23T14:05:09é",
        ];
        for text in invalid {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp(text.to_owned())));
        }
    }

    proptest! {
        /// Any time that jiff can print.
        #[test]
        fn texts_are_read_as_jiff_reads_them(seconds in 0..253_402_207_200_i64, nanoseconds in 0..1_000_000_000, offset in -1439..1440) {
            let timestamp = jiff::Timestamp::new(seconds, nanoseconds).unwrap();
            let text = timestamp.display_with_offset(jiff::tz::Offset::from_seconds(offset * 60).unwrap()).to_string();
            let expected = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            prop_assert_eq!(text.parse::<Timestamp>().map(|parsed| parsed.as_millis()), Ok(expected.cast_unsigned()));
        }

        #[test]
        fn texts_parse_back_and_sort_in_the_order_of_time(a in 0..4_000_000_000_000_u64, b in 0..4_000_000_000_000_u64) {
            let text = |milliseconds| Timestamp::from_millis(milliseconds).to_string();
            prop_assert_eq!(text(a).parse(), Ok(Timestamp::from_millis(a)));
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }
}
