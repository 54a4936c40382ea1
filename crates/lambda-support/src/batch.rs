//! The batch loop: it handles every message of a batch independently of the others.
//!
//! A message whose handling panics, stalls or fails returns to the queue; the others are done. What is unfinished
//! shortly before the function's deadline is cancelled and returns too, so that the batch response is always sent.
//! Cancelling needs no special care: a protocol can be cut off after any call and started again.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use sluice_types::Timestamp;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::envelope::{self, Arrival, DecodeError, Envelope};
use crate::log::{self, Context, Level, escape};
use crate::metrics::{Metrics, Unit};

/// Messages that are handled at the same time: enough to hide the latency of AWS, few enough that the largest objects
/// fit in memory together.
const MAX_CONCURRENT_MESSAGES: usize = 4;

/// Time that is reserved before the deadline to send the response.
pub const RESPONSE_MARGIN: Duration = Duration::from_millis(1_500);

/// Why an arrival could not be handled now. The message returns to the queue and, after its last retry, to the
/// dead-letter queue. A fault is never a reason to quarantine an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{call}: {reason}")]
pub struct Fault {
    /// The step that failed, by the name of the API operation where there is one.
    pub call: String,
    /// What went wrong, with AWS's error code.
    pub reason: String,
}

impl Fault {
    /// A fault of `call`.
    pub fn new(call: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { call: call.into(), reason: reason.into() }
    }
}

/// The log line and the metrics of an arrival that was handled.
#[derive(Debug, Default)]
pub struct Handled {
    /// The text of the log line.
    pub message: String,
    /// Whether the line is logged as a warning: an operator should look at the object.
    pub needs_attention: bool,
    /// Further fields of the log line.
    pub fields: Map<String, Value>,
    /// Metrics to add: name, unit, value.
    pub metrics: Vec<(&'static str, Unit, u64)>,
}

/// What a Lambda does with one arrival.
pub trait Handler: Send + Sync + 'static {
    /// Handles the arrival; at `until` the call is cancelled. Log lines carry the message id and the object of the
    /// arrival; a version-id that is found later is added by [`log::set_object`].
    ///
    /// # Errors
    /// When the arrival cannot be handled now and is to be retried.
    fn handle(&self, arrival: Arrival, until: Instant) -> impl Future<Output = Result<Handled, Fault>> + Send;
}

/// One message of a batch.
#[derive(Debug, Clone)]
pub struct Message {
    /// The queue's id of the message, repeated in the batch response if it fails.
    pub id: String,
    /// The event.
    pub body: Body,
    /// When it was sent to the queue.
    pub sent_at: Option<Timestamp>,
}

/// The event in a message.
#[derive(Debug, Clone)]
pub enum Body {
    /// The text of an SQS message.
    Text(String),
    /// The payload of a direct invocation.
    Json(Value),
}

impl Body {
    fn decode(self) -> Result<Envelope, DecodeError> {
        match self {
            Self::Text(text) => envelope::decode(&text),
            Self::Json(value) => envelope::decode_value(value),
        }
    }
}

/// Handles a batch within `remaining` time; returns the ids of the messages that failed, and adds to `metrics`.
pub async fn run<H: Handler>(
    handler: &Arc<H>,
    messages: Vec<Message>,
    remaining: Duration,
    metrics: &mut Metrics,
) -> Vec<String> {
    let mut batch = Batch {
        handler,
        started_at: Timestamp::now(),
        until: Instant::now() + remaining.saturating_sub(RESPONSE_MARGIN),
        running: HashMap::new(),
        tasks: JoinSet::new(),
        failed: Vec::new(),
        metrics,
    };
    let mut waiting = messages.into_iter();
    loop {
        while batch.has_room() {
            let Some(message) = waiting.next() else { break };
            batch.spawn(message);
        }
        if !batch.join_next().await {
            break;
        }
    }
    batch.cancel(waiting)
}

/// A batch in progress.
struct Batch<'a, H> {
    handler: &'a Arc<H>,
    started_at: Timestamp,
    until: Instant,
    /// Message id and log context of each task.
    running: HashMap<Id, (String, Context)>,
    tasks: JoinSet<Measured>,
    failed: Vec<String>,
    metrics: &'a mut Metrics,
}

/// What one message measured, and whether it failed.
#[derive(Default)]
struct Measured {
    failed: bool,
    metrics: Vec<(&'static str, Unit, u64)>,
}

impl<H: Handler> Batch<'_, H> {
    fn has_room(&self) -> bool {
        self.running.len() < MAX_CONCURRENT_MESSAGES && Instant::now() < self.until
    }

    fn spawn(&mut self, message: Message) {
        self.metrics.count("Received");
        if let Some(sent_at) = message.sent_at {
            let age = self.started_at.as_millis().saturating_sub(sent_at.as_millis());
            self.metrics.add("Age", Unit::Milliseconds, age);
        }
        let (handler, until) = (Arc::clone(self.handler), self.until);
        let context = Context::new(&message.id);
        let id = message.id;
        let handling = async move { handle_message(&*handler, message.body, until).await };
        let task = self.tasks.spawn(context.clone().scope(handling));
        self.running.insert(task.id(), (id, context));
    }

    /// Waits for the next task; `false` if none is left, or no time.
    async fn join_next(&mut self) -> bool {
        match tokio::time::timeout_at(self.until, self.tasks.join_next_with_id()).await {
            Err(_) | Ok(None) => return false,
            Ok(Some(Ok((task, measured)))) => {
                let (id, _) = self.running.remove(&task).unwrap_or_default();
                for (name, unit, value) in measured.metrics {
                    self.metrics.add(name, unit, value);
                }
                self.failed.extend(measured.failed.then_some(id));
            }
            Ok(Some(Err(error))) => {
                let (id, context) = self.running.remove(&error.id()).unwrap_or_default();
                let fault = Fault::new("record", format!("it panicked: {error}"));
                context.sync_scope(|| report(&fault));
                self.failed.push(id);
            }
        }
        true
    }

    /// Reports what is still running or `waiting`; returns the ids of all messages that failed.
    fn cancel(mut self, waiting: impl Iterator<Item = Message>) -> Vec<String> {
        let unfinished = std::mem::take(&mut self.running).into_values().chain(waiting.map(not_started));
        for (id, context) in unfinished {
            let fault = Fault::new("record", "no time left in this invocation");
            context.sync_scope(|| report(&fault));
            self.failed.push(id);
        }
        for _ in &self.failed {
            self.metrics.count("Failed");
        }
        self.failed
    }
}

/// The log context of a message that was not started: it names the object, if the message has a single one.
fn not_started(message: Message) -> (String, Context) {
    let context = Context::new(&message.id);
    if let Ok(Envelope::Arrivals(arrivals)) = message.body.decode()
        && let [arrival] = arrivals.as_slice()
    {
        let version_id = arrival.version_id.as_deref().unwrap_or_default();
        context.set_object(&arrival.bucket, &arrival.key, version_id);
    }
    (message.id, context)
}

async fn handle_message<H: Handler>(handler: &H, body: Body, until: Instant) -> Measured {
    let mut measured = Measured::default();
    let arrivals = match body.decode() {
        Ok(Envelope::Arrivals(arrivals)) => arrivals,
        Ok(Envelope::Ignored(reason)) => {
            let fields = [("why", reason), ("end", "skipped")].map(|(name, value)| (name.to_owned(), value.into()));
            log::line(Level::Info, "Nothing to do.", &Map::from_iter(fields));
            measured.metrics.push(("Skipped", Unit::Count, 1));
            return measured;
        }
        Err(error) => {
            report(&Fault::new("decode", error.to_string()));
            measured.failed = true;
            return measured;
        }
    };
    for arrival in arrivals {
        let version_id = arrival.version_id.as_deref().unwrap_or_default();
        log::set_object(&arrival.bucket, &arrival.key, version_id);
        match handler.handle(arrival, until).await {
            Ok(handled) => {
                let level = if handled.needs_attention { Level::Warn } else { Level::Info };
                log::line(level, &handled.message, &handled.fields);
                measured.metrics.extend(handled.metrics);
            }
            Err(fault) => {
                report(&fault);
                measured.failed = true;
            }
        }
    }
    measured
}

/// Logs a fault as an error. Its text is escaped: AWS's messages may quote an object key.
fn report(fault: &Fault) {
    let fields = Map::from_iter([("call".to_owned(), Value::from(fault.call.as_str()))]);
    log::line(Level::Error, &escape(&fault.to_string()), &fields);
}
