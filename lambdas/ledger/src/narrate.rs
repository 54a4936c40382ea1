//! What the log, the metrics and the invoker are told.

use lambda_support::log::{self, Level};
use lambda_support::metrics::{Metrics, Unit};
use serde_json::{Map, Value, json};
use sluice_types::manifest;

use crate::protocol::{Head, LedgerProtocol, Written};

/// The log line and the metrics of a manifest.
pub fn written(written: &Written, metrics: &mut Metrics) {
    let (listed, announced) = (written.listed as u64, written.announced as u64);
    metrics.count("Manifests");
    metrics.add("Listed", Unit::Count, listed);
    metrics.add("Announced", Unit::Count, announced);
    let mut fields = place(&written.head);
    fields.insert("listed".into(), listed.into());
    fields.insert("announced".into(), announced.into());
    log::line(Level::Info, "Manifest written.", &fields);
}

/// What a run answers: where the ledger stands, and whether every period that was due is closed.
#[must_use]
pub fn answer(run: &LedgerProtocol, complete: bool) -> Value {
    json!({
        "written": run.written.iter().map(|w| w.head.sequence).collect::<Vec<_>>(),
        "head": run.head.as_ref().map(place),
        "complete": complete,
    })
}

fn place(head: &Head) -> Map<String, Value> {
    Map::from_iter([
        ("manifest".to_owned(), manifest::key(head.sequence).into()),
        ("sequence".to_owned(), head.sequence.into()),
        ("sha256".to_owned(), head.sha256.clone().into()),
        ("to".to_owned(), head.to.to_string().into()),
    ])
}
