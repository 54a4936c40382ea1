//! The batch loop: what is returned to the queue, and what is not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use lambda_support::{Arrival, Fault, Handled, Handler};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Does what the key says.
struct Obedient;

impl Handler for Obedient {
    async fn handle(&self, arrival: Arrival, _until: Instant) -> Result<Handled, Fault> {
        match arrival.key.as_str() {
            "panic" => panic!("as told"),
            "fault" => Err(Fault::new("GetObject", "SlowDown")),
            "stall" => std::future::pending().await,
            _ => Ok(Handled::default()),
        }
    }
}

fn record(id: &str, body: &str) -> Value {
    json!({"messageId": id, "body": body, "attributes": {"SentTimestamp": "1700000000000"}})
}

fn created(key: &str) -> String {
    json!({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "b"}, "object": {"key": key}}})
    .to_string()
}

async fn failed(records: Vec<Value>, remaining: Duration) -> Vec<String> {
    let payload = json!({"Records": records});
    let response = lambda_support::invocation::handle(&Arc::new(Obedient), payload, remaining).await.unwrap();
    let mut ids: Vec<String> = response.batch_item_failures.into_iter().map(|item| item.item_identifier).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn each_record_is_on_its_own() {
    let records = vec![
        record("1", &created("fine")),
        record("2", &created("panic")),
        record("3", &created("fault")),
        record("4", "garbage"),
        record("5", r#"{"Event": "s3:TestEvent"}"#),
        record("6", &created("fine")),
    ];
    assert_eq!(failed(records, Duration::from_secs(30)).await, ["2", "3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_before_the_deadline_is_returned() {
    let mut records: Vec<Value> = (0..6).map(|n| record(&format!("s{n}"), &created("stall"))).collect();
    records.insert(0, record("0", &created("fine")));
    records.push(record("t", &created("fine")));
    let ids = failed(records, Duration::from_secs(10)).await;
    assert_eq!(ids, ["s0", "s1", "s2", "s3", "s4", "s5", "t"]);
}

#[tokio::test]
async fn no_time_at_all_returns_everything() {
    let records = vec![record("1", &created("fine")), record("2", &created("fine"))];
    assert_eq!(failed(records, Duration::from_millis(100)).await, ["1", "2"]);
}

#[tokio::test]
async fn a_directly_invoked_event_fails_the_invocation_or_succeeds() {
    let handler = Arc::new(Obedient);
    let invoke = |key: &str| serde_json::from_str::<Value>(&created(key)).unwrap();
    let remaining = Duration::from_secs(30);
    assert!(lambda_support::invocation::handle(&handler, invoke("fine"), remaining).await.is_ok());
    assert!(lambda_support::invocation::handle(&handler, invoke("fault"), remaining).await.is_err());
    assert!(lambda_support::invocation::handle(&handler, json!("garbage"), remaining).await.is_err());
}
