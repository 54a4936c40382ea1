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

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Up to when periods are closed.
    pub until: Until,
    /// `SEQUENCE:DIGEST` of a last manifest that the signing key did not sign and that is to be gone on from anyhow:
    /// it was signed by the key before.
    pub go_on_from: Option<String>,
}

/// An event that this function does not know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the event is neither a scheduled event nor {{\"until\":\"now\"}}, with or without \"go_on_from\":\"SEQUENCE:DIGEST\""
)]
pub struct Unknown;

/// Reads the event: one of a schedule, or `{"until":"now"}` by hand, which may have `go_on_from`.
///
/// # Errors
/// When it is anything else.
pub fn read(event: &Value) -> Result<Asked, Unknown> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let fields = event.as_object().map_or(0, serde_json::Map::len);
    let go_on_from = text("go_on_from").map(str::to_owned);
    if text("detail-type") == Some("Scheduled Event") {
        Ok(Asked { until: Until::Hour, go_on_from: None })
    } else if text("until") == Some("now") && fields == 1 + usize::from(go_on_from.is_some()) {
        Ok(Asked { until: Until::Now, go_on_from })
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
        let asked = |until, from: Option<&str>| Ok(Asked { until, go_on_from: from.map(str::to_owned) });
        assert_eq!(read(&scheduled), asked(Until::Hour, None));
        assert_eq!(read(&json!({"until": "now"})), asked(Until::Now, None));
        let from = json!({"until": "now", "go_on_from": "7:00"});
        assert_eq!(read(&from), asked(Until::Now, Some("7:00")));
        for other in [
            json!({}),
            json!(null),
            json!("now"),
            json!({"until": "later"}),
            json!({"go_on_from": "7:00"}),
            json!({"until": "now", "go_on_from": 7}),
            json!({"until": "now", "from": "then"}),
            json!({"Records": []}),
            json!({"detail-type": "Object Created", "source": "aws.s3"}),
        ] {
            assert_eq!(read(&other), Err(Unknown), "{other}");
        }
    }
}
