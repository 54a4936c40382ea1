//! Connects the Lambda Runtime API to the batch loop.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use sluice_types::Timestamp;

use crate::batch::{self, Body, Handler, Message};
use crate::metrics::Metrics;
use crate::settings::environment;

/// Serves invocations until the environment is shut down.
///
/// An invocation is a batch of SQS messages, answered with the ids of those that failed, or one event, invoked directly,
/// which fails the invocation if it cannot be handled.
///
/// # Errors
/// When the Runtime API fails.
pub async fn serve<H: Handler>(handler: H) -> Result<(), Error> {
    let handler = Arc::new(handler);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let handler = Arc::clone(&handler);
        async move { handle(&handler, event.payload, remaining_time(&event.context)).await }
    }))
    .await
}

/// The time until the deadline of an invocation.
#[must_use]
pub fn remaining_time(context: &lambda_runtime::Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default()
}

/// Handles one invocation within `remaining` time and writes its metrics.
///
/// # Errors
/// When the payload is not a batch with message ids, or when the event of a direct invocation could not be handled.
pub async fn handle<H: Handler>(
    handler: &Arc<H>,
    payload: Value,
    remaining: Duration,
) -> Result<SqsBatchResponse, Error> {
    let is_batch = payload.pointer("/Records/0/messageId").is_some_and(Value::is_string);
    let messages = if is_batch {
        let event: SqsEvent = serde_json::from_value(payload)?;
        event.records.into_iter().map(message).collect::<Result<_, _>>()?
    } else {
        vec![Message { id: "direct".into(), body: Body::Json(payload), sent_at: None }]
    };
    let mut metrics = Metrics::default();
    let failed = batch::run(handler, messages, remaining, &mut metrics).await;
    metrics.flush(&function_name(), Timestamp::now());
    if !is_batch && !failed.is_empty() {
        return Err("the event could not be handled; the log says why".into());
    }
    let mut response = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| response.add_failure(id));
    Ok(response)
}

/// The name of this function; empty outside Lambda.
#[must_use]
pub fn function_name() -> String {
    environment("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default()
}

fn message(record: SqsMessage) -> Result<Message, Error> {
    let sent_at = record.attributes.get("SentTimestamp").and_then(|milliseconds| milliseconds.parse().ok());
    Ok(Message {
        id: record.message_id.ok_or("a message of the batch has no `messageId`")?,
        body: Body::Text(record.body.unwrap_or_default()),
        sent_at: sent_at.map(Timestamp::from_millis),
    })
}
