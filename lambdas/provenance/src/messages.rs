//! The texts, fields and metrics of the log: a message for each effect and one for each outcome.

use lambda_support::Handled;
use lambda_support::log::escape;
use lambda_support::metrics::Unit;
use serde_json::{Map, Value};
use sluice_types::{ObjectVersion, Receipt, Record};

use crate::effect::Effect;
use crate::protocol::{Outcome, Verdict};

impl Outcome {
    /// The name in log lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Known => "known",
            Self::Gone => "gone",
            Self::Deferred => "deferred",
            Self::Unreadable => "unreadable",
            Self::Skipped => "skipped",
        }
    }

    fn metric(self) -> &'static str {
        match self {
            Self::Recorded => "Receipts",
            Self::Known => "Known",
            Self::Gone => "Gone",
            Self::Deferred => "Deferred",
            Self::Unreadable => "Unreadable",
            Self::Skipped => "Skipped",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Recorded => "Receipt written.",
            Self::Known => "The object version already has a receipt.",
            Self::Gone => "Object version was deleted before it was read; recorded as gone.",
            Self::Deferred => "Hashing the object version takes longer than the time left; recorded as deferred.",
            Self::Unreadable => "S3 refuses to return the object version; recorded as unreadable.",
            Self::Skipped => "Object is not recorded; skipped.",
        }
    }
}

/// The log message before an effect is performed.
#[must_use]
pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::ResolveVersion { bucket, key, .. } => {
            format!("Listing versions in S3 bucket: {bucket}, key: {}", escape(key))
        }
        Effect::ConfirmVersion(version) => format!("Listing the version in {}", location(version)),
        Effect::CheckReceipt(key) => format!("Checking if the receipt exists: {}", escape(key)),
        Effect::Inspect(version) => format!("Getting metadata of object from {}", location(version)),
        Effect::Hash(version, attributes) => {
            format!("Hashing {} bytes from {}", attributes.size, location(version))
        }
        Effect::WriteJournalEntry(receipt) => {
            format!("Writing journal entry of record: {}", escape(&receipt.record_key()))
        }
        Effect::WriteRecord(receipt) => format!("Writing record: {}", escape(&receipt.record_key())),
    }
}

fn location(version: &ObjectVersion) -> String {
    format!("S3 bucket: {}, key: {}", version.bucket, escape(&version.key))
}

/// The log line and the metrics of a verdict.
#[must_use]
pub fn handled(verdict: &Verdict) -> Handled {
    let mut fields = version_fields(&verdict.version);
    fields.insert("end".into(), verdict.outcome.name().into());
    let mut metrics = vec![(verdict.outcome.metric(), Unit::Count, 1)];
    if let Some(receipt) = &verdict.receipt {
        fields.extend(receipt_fields(receipt));
        if receipt.sha256.is_some() {
            metrics.push(("BytesHashed", Unit::Bytes, receipt.size.unwrap_or_default()));
        }
    }
    if let Some(reason) = verdict.skip_reason {
        fields.insert("why".into(), reason.into());
    }
    Handled {
        message: verdict.outcome.message().to_owned(),
        needs_attention: matches!(verdict.outcome, Outcome::Deferred | Outcome::Unreadable),
        fields,
        metrics,
    }
}

fn version_fields(version: &ObjectVersion) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("bucket".into(), version.bucket.clone().into());
    fields.insert("key".into(), escape(&version.key).into());
    if !version.version_id.is_empty() {
        fields.insert("version_id".into(), version.version_id.clone().into());
    }
    fields
}

fn receipt_fields(receipt: &Receipt) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("receipt".into(), escape(&receipt.record_key()).into());
    if let Some(size) = receipt.size {
        fields.insert("size".into(), size.into());
    }
    if let Some(sha256) = &receipt.sha256 {
        fields.insert("sha256".into(), sha256.clone().into());
    }
    if let Some(reason) = &receipt.reason {
        fields.insert("reason".into(), escape(reason).into());
    }
    if receipt.pinned_late {
        fields.insert("pinned_late".into(), true.into());
    }
    fields
}
