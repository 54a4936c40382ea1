//! What a run is asked for.

use serde_json::Value;

/// Up to when a run closes periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Until {
    /// The last full hour.
    Hour,
    /// Now, as far as the grace allows.
    Now,
}

/// An event that asks for nothing this function knows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the event is neither a scheduled event nor {{\"until\":\"now\"}}")]
pub struct Unknown;

/// Reads the event: one of a schedule, or `{"until":"now"}` by hand.
///
/// # Errors
/// When it is anything else.
pub fn read(event: &Value) -> Result<Until, Unknown> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let by_hand = event.as_object().is_some_and(|fields| fields.len() == 1);
    if text("detail-type") == Some("Scheduled Event") {
        Ok(Until::Hour)
    } else if by_hand && text("until") == Some("now") {
        Ok(Until::Now)
    } else {
        Err(Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schedule_or_a_person_asks() {
        let scheduled = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        assert_eq!(read(&scheduled), Ok(Until::Hour));
        assert_eq!(read(&json!({"until": "now"})), Ok(Until::Now));
        for other in [
            json!({}),
            json!(null),
            json!("now"),
            json!({"until": "later"}),
            json!({"until": "now", "from": "then"}),
            json!({"Records": []}),
            json!({"detail-type": "Object Created", "source": "aws.s3"}),
        ] {
            assert_eq!(read(&other), Err(Unknown), "{other}");
        }
    }
}
