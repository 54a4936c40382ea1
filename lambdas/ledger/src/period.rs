//! When a period ends, and when it may be closed.

use lambda_support::time::Moment;

use crate::request::Until;

/// How long after its end a period is closed, in milliseconds: within this time after `recorded_at`, a writer's
/// announcement is in the journal, or the writer gives up.
pub const GRACE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
/// The end of the period after the one that ended at `last`, if it may be closed at `now`.
#[must_use]
pub fn due(last: Option<Moment>, now: Moment, until: Until) -> Option<Moment> {
    let closed = now.minus(GRACE_MS);
    let full = Moment(closed.0 - closed.0 % HOUR_MS);
    let Some(last) = last else {
        return Some(full);
    };
    let hour = Moment(last.0 - last.0 % HOUR_MS).plus(HOUR_MS);
    if hour <= closed { Some(hour) } else { (until == Until::Now && closed > last).then_some(closed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_full_hours_and_on_demand_the_rest() {
        let at = |hours: u64, minutes: u64| Moment(hours * HOUR_MS + minutes * 60_000);
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
        assert_eq!(due(Some(at(9, 0)), at(10, 1).minus(1), Until::Hour), None, "within the grace");
    }
}
