//! The log line and metrics of a manifest, and the response of an invocation.

use lambda_support::log::{self, Level};
use lambda_support::metrics::{Metrics, Unit};
use serde_json::{Map, Value, json};
use sluice_types::manifest;

use crate::head::Head;
use crate::protocol::{LedgerProtocol, WrittenManifest};

/// Logs a manifest that was written, and counts it in `metrics`.
pub(crate) fn report_manifest(written: &WrittenManifest, metrics: &mut Metrics) {
    let (listed, announced) = (written.listed as u64, written.announced as u64);
    metrics.count("Manifests");
    metrics.add("Listed", Unit::Count, listed);
    metrics.add("Announced", Unit::Count, announced);
    let mut fields = head_fields(&written.head);
    fields.insert("listed".into(), listed.into());
    fields.insert("announced".into(), announced.into());
    log::line(Level::Info, "Manifest written.", &fields);
}

/// The response of a run: the manifests it wrote, the last manifest of the ledger, and whether every period that was due
/// is closed.
#[must_use]
pub fn response(protocol: &LedgerProtocol, complete: bool) -> Value {
    json!({
        "written": protocol.written.iter().map(|written| written.head.sequence).collect::<Vec<_>>(),
        "head": protocol.head.as_ref().map(head_fields),
        "complete": complete,
    })
}

fn head_fields(head: &Head) -> Map<String, Value> {
    Map::from_iter([
        ("manifest".to_owned(), manifest::key(head.sequence).into()),
        ("sequence".to_owned(), head.sequence.into()),
        ("sha256".to_owned(), head.sha256.clone().into()),
        ("to".to_owned(), head.to.to_string().into()),
    ])
}
