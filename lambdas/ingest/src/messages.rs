//! The text of log lines: before and after each effect, and for each outcome.

use lambda_support::log::escape;
use lambda_support::metrics::Unit;
use lambda_support::{Fault, Handled};
use serde_json::{Map, Value, json};
use sluice_types::ObjectVersion;

use crate::effect::{Effect, EffectResult};
use crate::outcome::Outcome;
use crate::quarantine::{copy_key, reason_key};
use crate::settings::Settings;
use crate::verdict::Verdict;

/// The log line before an effect.
#[must_use]
pub fn before_effect(effect: &Effect, settings: &Settings) -> String {
    let (processing, quarantine) = (&settings.processing_bucket, &settings.quarantine_bucket);
    match effect {
        Effect::FindVersion { key, .. } => {
            format!("Listing versions in S3 bucket: {processing}, key: {}", escape(key))
        }
        Effect::CheckQuarantine(version) => {
            format!("Checking if object {} is in quarantine bucket: {quarantine}", escape(&version.key))
        }
        Effect::Read(version) => {
            format!("Getting object from S3 bucket: {processing}, key: {}", escape(&version.key))
        }
        Effect::InspectVersion(version) => {
            format!("Getting metadata of object from S3 bucket: {processing}, key: {}", escape(&version.key))
        }
        Effect::Store(_) => format!("Inserting item into DynamoDB table: {}", settings.table),
        Effect::FindItem(_) => {
            format!("Looking for the item in DynamoDB table: {}", settings.table)
        }
        Effect::SeeQuarantine(version) | Effect::InspectCopy(version) => {
            format!("Looking for the copy in quarantine bucket: {quarantine}, key: {}", escape(&copy_key(version)))
        }
        Effect::Copy(version) => {
            format!("Copying object to quarantine bucket: {quarantine}, key: {}", escape(&copy_key(version)))
        }
        Effect::WriteReason(reason) => {
            let key = escape(&reason_key(&reason.source.version));
            format!("Writing reason to quarantine bucket: {quarantine}, key: {key}")
        }
        Effect::DeleteSource(version) => {
            format!("Deleting version from S3 bucket: {processing}, key: {}", escape(&version.key))
        }
        Effect::Notify(_) => format!("Publishing to SNS topic: {}", settings.topic_arn),
    }
}

/// The log line after an effect; `None` where the result adds nothing to the line before it.
#[must_use]
pub fn after_effect(result: &EffectResult) -> Option<&'static str> {
    match result {
        EffectResult::Reason(None) => Some("Object not found in quarantine."),
        EffectResult::Reason(Some(_)) => Some("Object already in quarantine."),
        EffectResult::Stored => Some("Item inserted successfully into DynamoDB."),
        EffectResult::Occupied(Some(_)) | EffectResult::ItemSource(Some(_)) => {
            Some("An item with this key is in DynamoDB.")
        }
        EffectResult::NotRead(..) => Some("Object could not be read."),
        _ => None,
    }
}

/// The log line of a valid object, before its item is stored.
pub const VALID_ITEM: &str = "JSON structure is valid.";

/// Adds what failed to a fault of `effect`, where the name of the call alone would not be clear.
#[must_use]
pub fn explain_fault(effect: &Effect, fault: Fault) -> Fault {
    match effect {
        Effect::CheckQuarantine(_) | Effect::SeeQuarantine(_) => {
            Fault { reason: format!("Error checking quarantine: {}", fault.reason), ..fault }
        }
        _ => fault,
    }
}

/// The log line and the metrics of a verdict.
#[must_use]
pub fn handled(verdict: &Verdict) -> Handled {
    let outcome = verdict.outcome;
    let mut metrics = vec![(outcome.metric(), Unit::Count, 1)];
    if outcome.is_quarantined() {
        metrics.push(("Quarantined", Unit::Count, 1));
    }
    if verdict.source.sha256.is_some() {
        metrics.push(("Bytes", Unit::Bytes, verdict.source.size.unwrap_or_default()));
    }
    Handled {
        message: outcome_message(outcome).to_owned(),
        needs_attention: outcome.is_quarantined() || matches!(outcome, Outcome::TooLarge | Outcome::Unreadable),
        fields: verdict_fields(verdict),
        metrics,
    }
}

fn verdict_fields(verdict: &Verdict) -> Map<String, Value> {
    let mut fields = version_fields(&verdict.source.version);
    fields.insert("end".into(), verdict.outcome.name().into());
    if let Some(size) = verdict.source.size {
        fields.insert("size".into(), size.into());
    }
    if let Some(sha256) = &verdict.source.sha256 {
        fields.insert("sha256".into(), sha256.clone().into());
    }
    if !verdict.reasons.is_empty() {
        let reasons = verdict.reasons.iter().map(|p| json!({"path": escape(&p.path), "rule": p.rule}));
        fields.insert("reasons".into(), reasons.collect());
    }
    if let Some(other) = &verdict.other {
        fields.insert("other".into(), version_fields(&other.version).into());
    }
    for (name, set) in [("pinned_late", verdict.pinned_late), ("again", verdict.again)] {
        if set {
            fields.insert(name.into(), true.into());
        }
    }
    fields
}

fn version_fields(version: &ObjectVersion) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("bucket".into(), escape(&version.bucket).into());
    fields.insert("key".into(), escape(&version.key).into());
    if !version.version_id.is_empty() {
        fields.insert("version_id".into(), escape(&version.version_id).into());
    }
    fields
}

fn outcome_message(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Stored => "Object stored.",
        Outcome::Redelivered => "Object was stored by an earlier delivery.",
        Outcome::Duplicate => "Object has the same bytes as one that is stored; nothing to do.",
        Outcome::Conflict => "Another object is stored under this table key; moved to quarantine.",
        Outcome::Invalid => "Object is invalid; moved to quarantine.",
        Outcome::Skipped => "Object is not data; skipped.",
        Outcome::Gone => "Object version was deleted before it was read.",
        Outcome::TooLarge => "Object is too large to move; it stays in the processing bucket.",
        Outcome::Unreadable => "Object exists but cannot be read; it stays in the processing bucket.",
    }
}
