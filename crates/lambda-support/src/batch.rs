//! The batch loop: every record on its own.
//!
//! A record that panics, stalls or meets a fault is returned to the queue alone; the others are done. What is not
//! finished shortly before the function's deadline is abandoned and returned too, so that the batch's answer always
//! gets out. Abandoning is no special case: a protocol survives being cut off after any call.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::envelope::{self, Arrival, Envelope};
use crate::log::{self, Context, Level, escape};
use crate::metrics::{Metrics, Unit};

/// Records of one batch that are worked on at the same time: enough to hide the waiting for AWS, few enough that a
/// batch of the largest objects fits in memory.
const AT_ONCE: usize = 4;

/// Time kept back from the deadline for writing the answer.
const MARGIN: Duration = Duration::from_millis(1_500);

/// Why a record could not be ended now: the message goes back to the queue and, after its last retry, to the dead
/// letters. Never a reason to quarantine anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{call}: {why}")]
pub struct Fault {
    /// What was being done, as the API operation's name where there is one.
    pub call: String,
    /// What went wrong, with AWS's error code.
    pub why: String,
}

impl Fault {
    /// A fault of `call`.
    pub fn new(call: impl Into<String>, why: impl Into<String>) -> Self {
        Self { call: call.into(), why: why.into() }
    }
}

/// How an arrival ended: what its log line says and what it counts.
#[derive(Debug, Default)]
pub struct Handled {
    /// The log line's text.
    pub message: String,
    /// Whether an operator should look at it.
    pub refused: bool,
    /// Fields of the log line.
    pub fields: Map<String, Value>,
    /// What it adds to the metrics.
    pub metrics: Vec<(&'static str, Unit, u64)>,
}

/// What a Lambda does with one arrival.
pub trait Handler: Send + Sync + 'static {
    /// Brings the arrival to its end; at `until` it is abandoned. Log lines carry the message id and the arrival's
    /// object by themselves; a version-id that is found later is made known by [`log::set_object`].
    ///
    /// # Errors
    /// When it cannot be ended now and should be tried again.
    fn handle(&self, arrival: Arrival, until: Instant) -> impl Future<Output = Result<Handled, Fault>> + Send;
}

/// One message of a batch.
#[derive(Debug, Clone)]
pub struct Record {
    /// The queue's id for it, echoed when it is returned.
    pub id: String,
    /// Its text.
    pub body: String,
    /// When it was put in the queue, milliseconds since 1970.
    pub sent_ms: Option<u64>,
}

/// Runs a batch; returns the ids of the records to return to the queue, and adds to `metrics`.
pub async fn run<H: Handler>(
    handler: &Arc<H>,
    records: Vec<Record>,
    remaining: Duration,
    now_ms: u64,
    metrics: &mut Metrics,
) -> Vec<String> {
    let end = Instant::now() + remaining.saturating_sub(MARGIN);
    let mut waiting = records.into_iter();
    let mut running: HashMap<Id, (String, Context)> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut failed = Vec::new();
    loop {
        while running.len() < AT_ONCE && Instant::now() < end {
            let Some(record) = waiting.next() else { break };
            metrics.count("Received");
            if let Some(sent) = record.sent_ms {
                metrics.add("Age", Unit::Milliseconds, now_ms.saturating_sub(sent));
            }
            let (id, handler) = (record.id.clone(), Arc::clone(handler));
            let context = Context::new(&id);
            let work = async move { one(&*handler, &record, end).await };
            let task = tasks.spawn(context.clone().scope(work));
            running.insert(task.id(), (id, context));
        }
        match tokio::time::timeout_at(end, tasks.join_next_with_id()).await {
            Ok(None) => break,
            Ok(Some(Ok((task, measured)))) => {
                let (id, _) = running.remove(&task).unwrap_or_default();
                for (name, unit, value) in measured.metrics {
                    metrics.add(name, unit, value);
                }
                failed.extend(measured.failed.then_some(id));
            }
            Ok(Some(Err(broken))) => {
                let (id, context) = running.remove(&broken.id()).unwrap_or_default();
                let fault = Fault::new("record", format!("it panicked: {broken}"));
                context.sync_scope(|| report(&fault));
                failed.push(id);
            }
            Err(_) => break,
        }
    }
    let unfinished = running.into_values().chain(waiting.map(not_started));
    for (id, context) in unfinished {
        let fault = Fault::new("record", "no time left in this invocation");
        context.sync_scope(|| report(&fault));
        failed.push(id);
    }
    for _ in &failed {
        metrics.count("Failed");
    }
    failed
}

/// What one record measured, and whether it must be returned.
#[derive(Default)]
struct Measured {
    failed: bool,
    metrics: Vec<(&'static str, Unit, u64)>,
}

/// A record that there was no time to start: its log line names the object, if it announces a single one.
fn not_started(record: Record) -> (String, Context) {
    let context = Context::new(&record.id);
    if let Ok(Envelope::Arrivals(arrivals)) = envelope::decode(&record.body)
        && let [arrival] = arrivals.as_slice()
    {
        let version_id = arrival.version_id.as_deref().unwrap_or_default();
        context.set_object(&arrival.bucket, &arrival.key, version_id);
    }
    (record.id, context)
}

async fn one<H: Handler>(handler: &H, record: &Record, until: Instant) -> Measured {
    let mut measured = Measured::default();
    let arrivals = match envelope::decode(&record.body) {
        Ok(Envelope::Arrivals(arrivals)) => arrivals,
        Ok(Envelope::Nothing(why)) => {
            let mut more = field("why", why);
            more.extend(field("end", "skipped"));
            log::line(Level::Info, "Nothing to do.", &Map::new(), &more);
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
                let level = if handled.refused { Level::Warn } else { Level::Info };
                log::line(level, &handled.message, &Map::new(), &handled.fields);
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

/// Writes the ERROR line of a fault; a fault may quote AWS, and AWS a key.
fn report(fault: &Fault) {
    let message = escape(&fault.to_string());
    log::line(Level::Error, &message, &Map::new(), &field("call", &fault.call));
}

fn field(name: &str, value: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), Value::from(value))])
}
