//! Points in time as records have them.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, milliseconds since 1970. As text it is RFC 3339, UTC, always with three decimals, so that texts
/// sort as times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub u64);

/// A text that is not a point in time since 1970.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a time such as 2026-11-23T14:05:09.123Z")]
pub struct NoMoment(String);

impl Moment {
    /// Now, by this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default().as_millis();
        Self(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// This much earlier, not before 1970.
    #[must_use]
    pub fn minus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_sub(milliseconds))
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0 / 1000).unwrap_or(i64::MAX);
        let at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| fmt::Error)?;
        let (date, time) = (at.date(), at.time());
        write!(f, "{date}T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        write!(f, ".{:03}Z", self.0 % 1000)
    }
}

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NoMoment(text.to_owned()))?;
        let milliseconds = at.unix_timestamp_nanos().div_euclid(1_000_000);
        let milliseconds = u64::try_from(milliseconds);
        milliseconds.map(Self).map_err(|_| NoMoment(text.to_owned()))
    }
}

impl TryFrom<String> for Moment {
    type Error = NoMoment;

    fn try_from(text: String) -> Result<Self, NoMoment> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_records_have_it() {
        assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Moment(1_763_906_709_007).to_string(), "2025-11-23T14:05:09.007Z");
        assert_eq!("2025-11-23T15:05:09+01:00".parse(), Ok(Moment(1_763_906_709_000)));
        assert!("yesterday".parse::<Moment>().is_err() && "1969-01-01T00:00:00Z".parse::<Moment>().is_err());
    }

    proptest! {
        #[test]
        fn texts_read_back_and_sort_as_times_do(a in 0..4_000_000_000_000_u64, b in 0..4_000_000_000_000_u64) {
            prop_assert_eq!(Moment(a).to_string().parse(), Ok(Moment(a)));
            prop_assert_eq!(a.cmp(&b), Moment(a).to_string().cmp(&Moment(b).to_string()));
        }
    }
}
