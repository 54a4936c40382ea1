//! The request of an invocation.

use serde_json::Value;

/// Up to when a run closes periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseUntil {
    /// The last full hour.
    FullHour,
    /// Now, except for the grace time.
    Now,
}

/// The request of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunRequest {
    /// Up to when periods are closed.
    pub close_until: CloseUntil,
    /// `SEQUENCE:DIGEST` of a last manifest that the signing key did not sign and that the ledger continues from
    /// nevertheless, because the previous signing key signed it.
    pub go_on_from: Option<String>,
}

/// An event that is not a known request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the event is neither a scheduled event nor {{\"until\":\"now\"}}, with or without \"go_on_from\":\"SEQUENCE:DIGEST\""
)]
pub struct UnknownRequest;

/// Parses an event: a scheduled event, or `{"until":"now"}`, optionally with `go_on_from`.
///
/// # Errors
/// When it is any other event.
pub fn parse(event: &Value) -> Result<RunRequest, UnknownRequest> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let field_count = event.as_object().map_or(0, serde_json::Map::len);
    let go_on_from = text("go_on_from").map(str::to_owned);
    if text("detail-type") == Some("Scheduled Event") {
        Ok(RunRequest { close_until: CloseUntil::FullHour, go_on_from: None })
    } else if text("until") == Some("now") && field_count == 1 + usize::from(go_on_from.is_some()) {
        Ok(RunRequest { close_until: CloseUntil::Now, go_on_from })
    } else {
        Err(UnknownRequest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_scheduled_events_and_manual_requests_are_accepted() {
        let scheduled = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        let request = |close_until, go_on_from: Option<&str>| {
            Ok(RunRequest { close_until, go_on_from: go_on_from.map(str::to_owned) })
        };
        assert_eq!(parse(&scheduled), request(CloseUntil::FullHour, None));
        assert_eq!(parse(&json!({"until": "now"})), request(CloseUntil::Now, None));
        let with_manifest = json!({"until": "now", "go_on_from": "7:00"});
        assert_eq!(parse(&with_manifest), request(CloseUntil::Now, Some("7:00")));
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
            assert_eq!(parse(&other), Err(UnknownRequest), "{other}");
        }
    }
}
