//! When a period ends, and when it may be closed.

use sluice_types::Timestamp;

use crate::request::Until;

/// How long after its end a period is closed, in milliseconds: within this time after `recorded_at`, a writer's
/// announcement is in the journal, or the writer gives up.
pub const GRACE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
/// The end of the period after the one that ended at `last`, if it may be closed at `now`.
#[must_use]
pub fn due(last: Option<Timestamp>, now: Timestamp, until: Until) -> Option<Timestamp> {
    let closed = now.minus_millis(GRACE_MS);
    let full = start_of_hour(closed);
    let Some(last) = last else {
        return Some(full);
    };
    let hour = start_of_hour(last).plus_millis(HOUR_MS);
    if hour <= closed { Some(hour) } else { (until == Until::Now && closed > last).then_some(closed) }
}

fn start_of_hour(timestamp: Timestamp) -> Timestamp {
    timestamp.minus_millis(timestamp.as_millis() % HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_full_hours_and_on_demand_the_rest() {
        let at = |hours: u64, minutes: u64| Timestamp::from_millis(hours * HOUR_MS + minutes * 60_000);
        let now = at(10, 30);
        for (last, until, expected) in [
            (None, Until::Hour, Some(at(10, 0))),
            (None, Until::Now, Some(at(10, 0))),
            (Some(at(7, 0)), Until::Hour, Some(at(8, 0))),
            (Some(at(7, 20)), Until::Now, Some(at(8, 0))),
            (Some(at(10, 0)), Until::Hour, None),
            (Some(at(10, 0)), Until::Now, Some(at(10, 29))),
            (Some(at(10, 29)), Until::Now, None),
        ] {
            assert_eq!(due(last, now, until), expected, "{last:?} {until:?}");
        }
        assert_eq!(due(Some(at(9, 0)), at(10, 1).minus_millis(1), Until::Hour), None, "within the grace");
    }
}
