//! When a period ends, and when it may be closed.

use sluice_types::Timestamp;

use crate::request::CloseUntil;

/// How long after its end a period is closed, in milliseconds. Within this time after `recorded_at` a writer has written
/// the journal entry, or given up.
const GRACE_MS: u64 = 60_000;

const HOUR_MS: u64 = 3_600_000;

/// The end of the period after the one that ended at `last`, if that period may be closed at `now`.
#[must_use]
pub(crate) fn next_period_end(last: Option<Timestamp>, now: Timestamp, close_until: CloseUntil) -> Option<Timestamp> {
    let latest_end = now.minus_millis(GRACE_MS);
    let Some(last) = last else {
        return Some(start_of_hour(latest_end));
    };
    let next_hour = start_of_hour(last).plus_millis(HOUR_MS);
    if next_hour <= latest_end {
        Some(next_hour)
    } else {
        (close_until == CloseUntil::Now && latest_end > last).then_some(latest_end)
    }
}

fn start_of_hour(timestamp: Timestamp) -> Timestamp {
    timestamp.minus_millis(timestamp.as_millis() % HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_end_at_full_hours_or_on_request_before_the_grace_time() {
        let at = |hours: u64, minutes: u64| Timestamp::from_millis(hours * HOUR_MS + minutes * 60_000);
        let now = at(10, 30);
        for (last, close_until, expected) in [
            (None, CloseUntil::FullHour, Some(at(10, 0))),
            (None, CloseUntil::Now, Some(at(10, 0))),
            (Some(at(7, 0)), CloseUntil::FullHour, Some(at(8, 0))),
            (Some(at(7, 20)), CloseUntil::Now, Some(at(8, 0))),
            (Some(at(10, 0)), CloseUntil::FullHour, None),
            (Some(at(10, 0)), CloseUntil::Now, Some(at(10, 29))),
            (Some(at(10, 29)), CloseUntil::Now, None),
        ] {
            assert_eq!(next_period_end(last, now, close_until), expected, "{last:?} {close_until:?}");
        }
        let within_grace = at(10, 1).minus_millis(1);
        assert_eq!(next_period_end(Some(at(9, 0)), within_grace, CloseUntil::FullHour), None);
    }
}
