//! Between the Lambda Runtime API and the batch loop.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::batch::{self, Handler, Record};
use crate::metrics::Metrics;

/// Serves invocations until the environment is shut down.
///
/// An invocation is a batch from a queue (answered with the ids to return) or, invoked directly, one envelope (which
/// fails the invocation when it cannot be ended).
///
/// # Errors
/// When the Runtime API fails.
pub async fn serve<H: Handler>(handler: H) -> Result<(), Error> {
    let handler = Arc::new(handler);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let handler = Arc::clone(&handler);
        async move {
            let remaining = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
            answer(&handler, event.payload, remaining).await
        }
    }))
    .await
}

/// Answers one invocation with `remaining` time.
///
/// # Errors
/// When the payload is neither a batch nor an envelope, or a directly invoked envelope could not be ended.
pub async fn answer<H: Handler>(handler: &Arc<H>, payload: Value, remaining: Duration) -> Result<Value, Error> {
    let from_queue = payload.pointer("/Records/0/messageId").is_some_and(Value::is_string);
    let records = if from_queue {
        let batch: QueueBatch = serde_json::from_value(payload)?;
        batch.records.into_iter().map(Record::from).collect()
    } else {
        vec![Record { id: "direct".into(), body: payload.to_string(), sent_ms: None }]
    };
    let mut metrics = Metrics::default();
    let failed = batch::run(handler, records, remaining, now_ms(), &mut metrics).await;
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    metrics.flush(&function, now_ms());
    if !from_queue && !failed.is_empty() {
        return Err("the event could not be ended; the log says why".into());
    }
    let items: Vec<Value> = failed.into_iter().map(|id| json!({"itemIdentifier": id})).collect();
    Ok(json!({"batchItemFailures": items}))
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Deserialize)]
struct QueueBatch {
    #[serde(rename = "Records")]
    records: Vec<QueueRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRecord {
    message_id: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    sent_timestamp: Option<String>,
}

impl From<QueueRecord> for Record {
    fn from(record: QueueRecord) -> Self {
        Self {
            id: record.message_id,
            body: record.body,
            sent_ms: record.attributes.sent_timestamp.and_then(|t| t.parse().ok()),
        }
    }
}
