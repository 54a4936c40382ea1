//! What the log says: a sentence for each effect, before and after, and one for each end.

use lambda_support::log::escape;
use lambda_support::metrics::Unit;
use lambda_support::{Fault, Handled};
use serde_json::{Map, Value, json};

use crate::effect::{Effect, Outcome};
use crate::protocol::Verdict;
use crate::record::{End, Source};
use crate::settings::Settings;

/// What is about to be done.
#[must_use]
pub fn before(effect: &Effect, settings: &Settings) -> String {
    let (from, quarantine) = (&settings.processing_bucket, &settings.quarantine_bucket);
    match effect {
        Effect::FindVersion { key, .. } => {
            format!("Listing versions in S3 bucket: {from}, key: {}", escape(key))
        }
        Effect::CheckQuarantine(s) => {
            let key = escape(&s.key);
            format!("Checking if object {key} is in quarantine bucket: {quarantine}")
        }
        Effect::Read(s) => {
            format!("Getting object from S3 bucket: {from}, key: {}", escape(&s.key))
        }
        Effect::InspectVersion(s) => {
            format!("Getting metadata of object from S3 bucket: {from}, key: {}", escape(&s.key))
        }
        Effect::Store(_) => format!("Inserting item into DynamoDB table: {}", settings.table),
        Effect::FindItem(_) => {
            format!("Looking for the item in DynamoDB table: {}", settings.table)
        }
        Effect::SeeQuarantine(s) | Effect::InspectCopy(s) => {
            let key = escape(&s.copy_key());
            format!("Looking for the copy in quarantine bucket: {quarantine}, key: {key}")
        }
        Effect::Copy(s) => {
            let key = escape(&s.copy_key());
            format!("Copying object to quarantine bucket: {quarantine}, key: {key}")
        }
        Effect::WriteReason(reason) => {
            let key = escape(&reason.source.reason_key());
            format!("Writing reason to quarantine bucket: {quarantine}, key: {key}")
        }
        Effect::DeleteSource(s) => {
            format!("Deleting version from S3 bucket: {from}, key: {}", escape(&s.key))
        }
        Effect::Notify(_) => format!("Publishing to SNS topic: {}", settings.topic_arn),
    }
}

/// What came of it, where a reader wants to know.
#[must_use]
pub fn after(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Decided(None) => Some("Object not found in quarantine."),
        Outcome::Decided(Some(_)) => Some("Object already in quarantine."),
        Outcome::Stored => Some("Item inserted successfully into DynamoDB."),
        Outcome::Occupied(Some(_)) => Some("An item with this key is in DynamoDB."),
        Outcome::NotRead(..) => Some("Object could not be read."),
        _ => None,
    }
}

/// What a judgement logs before its item is stored.
pub const VALID: &str = "JSON structure is valid.";

/// The message of a fault, in the words of document 003 where it has them.
#[must_use]
pub fn fault(effect: &Effect, fault: Fault) -> Fault {
    match effect {
        Effect::CheckQuarantine(_) | Effect::SeeQuarantine(_) => {
            Fault { reason: format!("Error checking quarantine: {}", fault.reason), ..fault }
        }
        _ => fault,
    }
}

/// A version, as log lines name it.
fn about(source: &Source) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("bucket".into(), escape(&source.bucket).into());
    fields.insert("key".into(), escape(&source.key).into());
    if !source.version_id.is_empty() {
        fields.insert("version_id".into(), escape(&source.version_id).into());
    }
    fields
}

/// The line and the metrics of an end.
#[must_use]
pub fn end(verdict: &Verdict) -> Handled {
    let mut fields = about(&verdict.source);
    fields.insert("end".into(), verdict.end.name().into());
    if let Some(size) = verdict.source.size {
        fields.insert("size".into(), size.into());
    }
    if let Some(sha256) = &verdict.source.sha256 {
        fields.insert("sha256".into(), sha256.clone().into());
    }
    if !verdict.reasons.is_empty() {
        let reasons = verdict.reasons.iter();
        let reasons: Vec<Value> = reasons.map(|p| json!({"path": escape(&p.path), "rule": p.rule})).collect();
        fields.insert("reasons".into(), reasons.into());
    }
    if let Some(other) = &verdict.other {
        fields.insert("other".into(), about(other).into());
    }
    for (name, set) in [("pinned_late", verdict.pinned_late), ("again", verdict.again)] {
        if set {
            fields.insert(name.into(), true.into());
        }
    }
    let mut metrics = vec![(verdict.end.metric(), Unit::Count, 1)];
    if verdict.end.quarantined() {
        metrics.push(("Quarantined", Unit::Count, 1));
    }
    if verdict.source.sha256.is_some() {
        metrics.push(("Bytes", Unit::Bytes, verdict.source.size.unwrap_or_default()));
    }
    Handled {
        message: sentence(verdict.end).to_owned(),
        needs_attention: verdict.end.quarantined() || matches!(verdict.end, End::TooLarge | End::Unreadable),
        fields,
        metrics,
    }
}

fn sentence(end: End) -> &'static str {
    match end {
        End::Stored => "Object stored.",
        End::Redelivered => "Object was stored by an earlier delivery.",
        End::Duplicate => "Object has the bytes of another that is stored; nothing to do.",
        End::Conflict => "Another object is stored under this key; moved to quarantine.",
        End::Invalid => "Object is invalid; moved to quarantine.",
        End::Skipped => "Object is not data; skipped.",
        End::Gone => "Object version was deleted before it was read.",
        End::TooLarge => "Object is too large to move; left where it is.",
        End::Unreadable => "Object cannot be read as it is; left where it is.",
    }
}
