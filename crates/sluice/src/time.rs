//! Times as people write them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

/// Seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A point in time as an argument: RFC 3339, a UTC day, or an age such as `90m`, `24h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Seconds since 1970.
    At(i64),
    /// Seconds before now.
    Ago(i64),
}

impl When {
    /// Seconds since 1970.
    #[must_use]
    pub fn seconds(self, now: i64) -> i64 {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.saturating_sub(ago),
        }
    }
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = |text: &str| DateTime::from_str(text, DateTimeFormat::DateTime).ok();
        let day = || at(&format!("{text}T00:00:00Z"));
        if let Some(at) = at(text).or_else(day) {
            return Ok(Self::At(at.secs()));
        }
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
        units
            .iter()
            .find_map(|(unit, seconds)| {
                let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
                (count >= 0).then(|| Self::Ago(count.saturating_mul(*seconds)))
            })
            .ok_or_else(|| "write 2026-11-23T08:00:00Z, 2026-11-23 (UTC) or an age such as 90m, 24h, 7d".into())
    }
}

/// RFC 3339, UTC.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    DateTime::from_secs(seconds).fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

/// `YYYY/MM/DD`, UTC.
#[must_use]
pub fn day_path(seconds: i64) -> String {
    rfc3339(seconds).chars().take(10).collect::<String>().replace('-', "/")
}

/// A length of time for a table: `40 s`, `3 min`, `5 h`, `2 d`.
#[must_use]
pub fn age(seconds: i64) -> String {
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
    fn times_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<When>().map(|w| w.seconds(1_000_000));
        assert_eq!(read("1970-01-02T00:00:01Z"), Ok(86_401));
        assert_eq!(read("1970-01-02"), Ok(86_400));
        assert_eq!(read("2m"), Ok(999_880));
        assert_eq!(read("1d"), Ok(913_600));
        for bad in ["", "yesterday", "-1h", "h", "2026-13-01"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    /// 000.4: the markers carry the UTC day.
    #[test]
    fn a_day_is_a_path() {
        assert_eq!(day_path(1_795_435_200), "2026/11/23");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
