//! Every kind of event that announces an object, as its senders write it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lambda_support::envelope::{Arrival, DecodeError, Envelope, decode};
use proptest::prelude::*;
use serde_json::json;

fn only(text: &str) -> Arrival {
    match decode(text).unwrap() {
        Envelope::Arrivals(mut arrivals) if arrivals.len() == 1 => arrivals.remove(0),
        other => panic!("expected one arrival, got {other:?}"),
    }
}

#[test]
fn an_event_bridge_event_is_decoded() {
    let arrival = only(include_str!("events/event_bridge.json"));
    assert_eq!(arrival.bucket, "eventpulse-processing-bucket");
    assert_eq!(arrival.key, "second-test-object.json");
    assert_eq!(arrival.size, Some(354));
    assert_eq!(arrival.version_id.as_deref(), Some("b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j"));
    assert_eq!(arrival.sequencer.as_deref(), Some("0066F6E1F4A9B3C2D1"));
    assert_eq!(arrival.time.as_deref(), Some("2025-11-21T21:24:12Z"));
}

#[test]
fn notification_keys_are_form_decoded_and_removals_ignored() {
    let arrival = only(include_str!("events/notification.json"));
    assert_eq!(arrival.key, "in coming/a+b ü.json");
    assert_eq!(arrival.version_id.as_deref(), Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"));
    assert_eq!(arrival.request_id.as_deref(), Some("C3D13FE58DE4C810"));
}

#[test]
fn the_test_event_is_ignored() {
    let text = include_str!("events/test_event.json");
    assert_eq!(decode(text), Ok(Envelope::Ignored("s3:TestEvent")));
}

#[test]
fn other_events_are_ignored() {
    for (source, kind) in [("aws.s3", "Object Deleted"), ("aws.ec2", "Object Created")] {
        let text = json!({"source": source, "detail-type": kind, "detail": {}}).to_string();
        assert!(matches!(decode(&text), Ok(Envelope::Ignored(_))), "{source} {kind}");
    }
}

#[test]
fn other_field_names_and_empty_fields_of_emulators_are_accepted() {
    let text = json!({"source": "aws.s3", "detail-type": "Object Created", "time": "2026-01-02T03:04:05.678Z",
        "detail": {"bucket": {"name": "b"}, "object": {"key": "k", "eTag": "\"abc\"", "version-id": ""}}});
    let arrival = only(&text.to_string());
    assert_eq!(arrival.etag.as_deref(), Some("abc"));
    assert_eq!(arrival.version_id, None);
    assert_eq!(arrival.size, None);
}

#[test]
fn text_that_is_not_an_event_is_an_error() {
    for text in ["", "garbage", "[]", "3", "null", "\u{feff}{}"] {
        assert!(matches!(decode(text), Err(DecodeError::NotJson(_))), "{text}");
    }
    assert_eq!(decode("{}"), Err(DecodeError::Unknown));
    for text in [
        r#"{"detail-type": "Object Created", "source": "aws.s3"}"#,
        r#"{"detail-type": "Object Created", "source": "aws.s3", "detail": {"bucket": {"name": "b"}}}"#,
        r#"{"detail-type": 4, "source": "aws.s3"}"#,
        r#"{"Records": {}}"#,
        r#"{"Records": [{"eventSource": "aws:ses"}]}"#,
        r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}"#,
        r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "%ff"}}}]}"#,
    ] {
        assert!(matches!(decode(text), Err(DecodeError::Malformed { .. })), "{text}");
    }
}

/// S3's encoding of keys in notifications: all characters but unreserved ones and `/` percent-encoded, a space as `+`.
fn form_encode(key: &str) -> String {
    key.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => char::from(b).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

proptest! {
    #[test]
    fn any_key_is_decoded_from_both_kinds_of_event(key in "\\PC{1,64}|[ +%&=/\u{0}-\u{1f}é漢😀\u{202e}]{1,64}") {
        prop_assume!(key.len() <= 1024);
        let raw = json!({"source": "aws.s3", "detail-type": "Object Created",
            "detail": {"bucket": {"name": "b"}, "object": {"key": key}}});
        prop_assert_eq!(&only(&raw.to_string()).key, &key);
        let encoded = json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "b"}, "object": {"key": form_encode(&key)}}}]});
        prop_assert_eq!(&only(&encoded.to_string()).key, &key);
    }

    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,200}") {
        let _ = decode(&text);
    }
}
