//! Every log line has the id of its message, and its object once that is known.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lambda_support::log;
use lambda_support::{Arrival, Fault, Handled, Handler};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Logs a line before and after a pause, so that messages interleave, then behaves as the key of the object says.
struct LoggingHandler;

impl Handler for LoggingHandler {
    async fn handle(&self, arrival: Arrival, _until: Instant) -> Result<Handled, Fault> {
        log::info("before");
        tokio::time::sleep(Duration::from_millis(10)).await;
        if arrival.version_id.is_none() {
            log::set_object(&arrival.bucket, &arrival.key, "found-later");
        }
        log::info("after");
        match arrival.key.as_str() {
            "panic" => panic!("as requested"),
            "fault" => Err(Fault::new("GetObject", "SlowDown: line\nbreak")),
            "stall" => std::future::pending().await,
            _ => Ok(Handled { message: "done".into(), ..Handled::default() }),
        }
    }
}

fn record(id: &str, key: &str, version_id: Option<&str>) -> Value {
    let body = json!({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "b"}, "object": {"key": key, "version-id": version_id}}});
    json!({"messageId": id, "body": body.to_string()})
}

/// Run by [`lines_of_concurrent_messages_name_their_message_and_object`] in a separate process, which reads its output.
#[tokio::test(start_paused = true)]
#[ignore = "run by the test that reads its output"]
async fn prints() {
    let records = vec![
        record("m-fine", "fine", Some("v1")),
        record("m-panic", "panic", Some("v2")),
        record("m-fault", "fault", None),
        record("m-stall", "stall", Some("v4")),
        json!({"messageId": "m-garbage", "body": "garbage"}),
        record("m-stall-2", "stall", None),
        record("m-stall-3", "stall", Some("v6")),
        record("m-stall-4", "stall", Some("v7")),
        record("m-late", "late\u{202e}", Some("v8")),
    ];
    let payload = json!({"Records": records});
    let remaining = Duration::from_secs(10);
    lambda_support::invocation::handle(&Arc::new(LoggingHandler), payload, remaining).await.unwrap();
}

fn printed() -> Vec<Value> {
    let arguments = ["prints", "--exact", "--ignored", "--nocapture"];
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // The output of the test runner may precede the first line.
    let lines = text.lines().filter_map(|line| line.find("{\"level\"").map(|at| &line[at..]));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_of_concurrent_messages_name_their_message_and_object() {
    let lines = printed();
    for (id, key, version_id, level, message) in [
        ("m-fine", "fine", Some("v1"), "INFO", "done"),
        ("m-panic", "panic", Some("v2"), "ERROR", "record: it panicked"),
        ("m-fault", "fault", Some("found-later"), "ERROR", "GetObject: SlowDown: line\\nbreak"),
        ("m-stall", "stall", Some("v4"), "ERROR", "record: no time left"),
        ("m-stall-2", "stall", Some("found-later"), "ERROR", "record: no time left"),
        ("m-late", "late\\u{202e}", Some("v8"), "ERROR", "record: no time left"),
    ] {
        let own: Vec<&Value> = lines.iter().filter(|l| l["message_id"] == id).collect();
        let started = usize::from(id != "m-late") * 2;
        assert_eq!(own.len(), started + 1, "{id}: {own:?}");
        for line in &own {
            assert_eq!((&line["bucket"], &line["key"]), (&json!("b"), &json!(key)));
        }
        let last = own.last().unwrap();
        assert_eq!(last["version_id"].as_str(), version_id, "{id}");
        assert_eq!(last["level"], level);
        assert!(last["message"].as_str().unwrap().starts_with(message), "{last}");
    }
    let mut texts: Vec<String> = lines.iter().map(ToString::to_string).collect();
    // Messages run concurrently: only the lines of one message have an order.
    texts.sort_by_key(|text| text.split("message_id").nth(1).map(|id| id[..20].to_owned()));
    insta::assert_snapshot!(texts.join("\n"));
    let garbage: Vec<&Value> = lines.iter().filter(|l| l["message_id"] == "m-garbage").collect();
    assert_eq!(garbage.len(), 1);
    assert_eq!((&garbage[0]["level"], &garbage[0]["key"]), (&json!("ERROR"), &Value::Null));
    assert!(lines.iter().all(|line| line["message_id"].is_string()));
}
