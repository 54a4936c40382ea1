//! Times as command-line arguments and in reports.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The current time in seconds since 1970.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// A time as an argument: RFC 3339, a UTC day, or an age such as `90m`, `24h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeArg {
    /// Seconds since 1970.
    At(i64),
    /// Seconds before now.
    Ago(i64),
}

impl TimeArg {
    /// The time in seconds since 1970.
    pub(crate) fn seconds(self, now: i64) -> i64 {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.saturating_sub(ago),
        }
    }
}

impl std::str::FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(at) = parse_rfc3339(text).or_else(|| parse_day(text)) {
            return Ok(Self::At(at));
        }
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
        let age = units.iter().find_map(|(unit, seconds)| {
            let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
            (count >= 0).then(|| Self::Ago(count.saturating_mul(*seconds)))
        });
        age.ok_or_else(|| "use 2026-11-23T08:00:00Z, 2026-11-23 (UTC) or an age such as 90m, 24h, 7d".into())
    }
}

fn parse_rfc3339(text: &str) -> Option<i64> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.as_second())
}

/// Midnight UTC of a day such as `2026-11-23`.
fn parse_day(text: &str) -> Option<i64> {
    let day: Date = text.parse().ok().filter(|_| text.len() == "2026-11-23".len())?;
    Some(TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_second())
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// RFC 3339 in UTC, without fractions.
pub(crate) fn rfc3339(seconds: i64) -> String {
    timestamp(seconds).to_string()
}

/// `YYYY/MM/DD` in UTC.
pub(crate) fn day_path(seconds: i64) -> String {
    timestamp(seconds).strftime("%Y/%m/%d").to_string()
}

/// A duration for a table: `40 s`, `3 min`, `5 h`, `2 d`.
pub(crate) fn format_age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc3339_days_or_ages() {
        let parse = |text: &str| text.parse::<TimeArg>().map(|w| w.seconds(1_000_000));
        assert_eq!(parse("1970-01-02T00:00:01Z"), Ok(86_401));
        assert_eq!(parse("1970-01-02"), Ok(86_400));
        assert_eq!(parse("2m"), Ok(999_880));
        assert_eq!(parse("1d"), Ok(913_600));
        for invalid in ["", "yesterday", "-1h", "h", "2026-13-01"] {
            assert!(parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn days_and_seconds_are_utc() {
        assert_eq!(day_path(1_795_435_200), "2026/11/23");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
