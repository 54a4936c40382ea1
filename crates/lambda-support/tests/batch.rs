//! The batch loop: which messages fail, and which do not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use lambda_support::{Arrival, Fault, Handled, Handler};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Behaves as the key of the object says.
struct KeyHandler;

impl Handler for KeyHandler {
    async fn handle(&self, arrival: Arrival, _until: Instant) -> Result<Handled, Fault> {
        match arrival.key.as_str() {
            "panic" => panic!("as requested"),
            "fault" => Err(Fault::new("GetObject", "SlowDown")),
            "stall" => std::future::pending().await,
            _ => Ok(Handled::default()),
        }
    }
}

fn message(id: &str, body: &str) -> Value {
    json!({"messageId": id, "body": body, "attributes": {"SentTimestamp": "1700000000000"}})
}

fn created(key: &str) -> String {
    json!({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "b"}, "object": {"key": key}}})
    .to_string()
}

async fn failed(records: Vec<Value>, remaining: Duration) -> Vec<String> {
    let payload = json!({"Records": records});
    let response = lambda_support::invocation::handle(&Arc::new(KeyHandler), payload, remaining).await.unwrap();
    let mut ids: Vec<String> = response.batch_item_failures.into_iter().map(|item| item.item_identifier).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn each_message_is_handled_independently() {
    let records = vec![
        message("1", &created("fine")),
        message("2", &created("panic")),
        message("3", &created("fault")),
        message("4", "garbage"),
        message("5", r#"{"Event": "s3:TestEvent"}"#),
        message("6", &created("fine")),
    ];
    assert_eq!(failed(records, Duration::from_secs(30)).await, ["2", "3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_unfinished_at_the_deadline_fail() {
    let mut records: Vec<Value> = (0..6).map(|n| message(&format!("s{n}"), &created("stall"))).collect();
    records.insert(0, message("0", &created("fine")));
    records.push(message("t", &created("fine")));
    let ids = failed(records, Duration::from_secs(10)).await;
    assert_eq!(ids, ["s0", "s1", "s2", "s3", "s4", "s5", "t"]);
}

#[tokio::test]
async fn without_time_all_messages_fail() {
    let records = vec![message("1", &created("fine")), message("2", &created("fine"))];
    assert_eq!(failed(records, Duration::from_millis(100)).await, ["1", "2"]);
}

#[tokio::test]
async fn a_direct_invocation_fails_if_its_event_cannot_be_handled() {
    let handler = Arc::new(KeyHandler);
    let invoke = |key: &str| serde_json::from_str::<Value>(&created(key)).unwrap();
    let remaining = Duration::from_secs(30);
    assert!(lambda_support::invocation::handle(&handler, invoke("fine"), remaining).await.is_ok());
    assert!(lambda_support::invocation::handle(&handler, invoke("fault"), remaining).await.is_err());
    assert!(lambda_support::invocation::handle(&handler, json!("garbage"), remaining).await.is_err());
}

#[tokio::test]
async fn the_response_has_the_ids_of_the_failed_messages() {
    let payload = json!({"Records": [message("1", &created("fine")), message("2", &created("fault"))]});
    let handler = Arc::new(KeyHandler);
    let response = lambda_support::invocation::handle(&handler, payload, Duration::from_secs(30)).await.unwrap();
    insta::assert_snapshot!(serde_json::to_string(&response).unwrap(), @r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#);
}
