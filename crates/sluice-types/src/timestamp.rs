//! Points in time as records have them.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A point in time from 1970 on, in whole milliseconds. Its text is RFC 3339 in UTC, always with three decimals, so that
/// texts sort in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(jiff::Timestamp);

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
        Self::truncate(jiff::Timestamp::now())
    }

    /// From milliseconds since 1970; a time after 9999-12-30T22:00:00Z becomes that time.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        let milliseconds = if milliseconds < MAX_MILLIS { milliseconds } else { MAX_MILLIS };
        let nanoseconds = (milliseconds % 1000) * 1_000_000;
        Self(jiff::Timestamp::constant((milliseconds / 1000).cast_signed(), nanoseconds as i32))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millisecond()).unwrap_or_default()
    }

    /// This many milliseconds earlier, not before 1970.
    #[must_use]
    pub fn minus_millis(self, milliseconds: u64) -> Self {
        Self::from_millis(self.as_millis().saturating_sub(milliseconds))
    }

    /// This many milliseconds later, not after 9999-12-30T22:00:00Z.
    #[must_use]
    pub fn plus_millis(self, milliseconds: u64) -> Self {
        Self::from_millis(self.as_millis().saturating_add(milliseconds))
    }

    /// Cuts off fractions of a millisecond; a time before 1970 becomes 1970.
    fn truncate(timestamp: jiff::Timestamp) -> Self {
        Self::from_millis(u64::try_from(timestamp.as_millisecond()).unwrap_or_default())
    }
}

impl Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed = text.parse().ok().filter(|parsed| *parsed >= jiff::Timestamp::UNIX_EPOCH);
        let parsed: jiff::Timestamp = parsed.ok_or_else(|| InvalidTimestamp(text.to_owned()))?;
        Ok(Self::truncate(parsed))
    }
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
        for text in ["yesterday", "2025-11-23", "1969-12-31T23:59:59.9999Z"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn texts_parse_back_and_sort_in_the_order_of_time(a in 0..4_000_000_000_000_u64, b in 0..4_000_000_000_000_u64) {
            let text = |milliseconds| Timestamp::from_millis(milliseconds).to_string();
            prop_assert_eq!(text(a).parse(), Ok(Timestamp::from_millis(a)));
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }
}
