//! What the log says: a sentence for each effect and one for each end.

use lambda_support::Handled;
use lambda_support::log::escape;
use lambda_support::metrics::Unit;
use serde_json::{Map, Value};
use sluice_types::{ObjectVersion, Record};

use crate::effect::Effect;
use crate::protocol::{End, Verdict};

impl End {
    /// Its name in log lines.
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

    /// Its metric.
    #[must_use]
    pub fn metric(self) -> &'static str {
        match self {
            Self::Recorded => "Receipts",
            Self::Known => "Known",
            Self::Gone => "Gone",
            Self::Deferred => "Deferred",
            Self::Unreadable => "Unreadable",
            Self::Skipped => "Skipped",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Recorded => "Receipt written.",
            Self::Known => "The version has its receipt.",
            Self::Gone => "Object version was deleted before it was read; recorded as gone.",
            Self::Deferred => "Object version is too long for the time left; recorded as deferred.",
            Self::Unreadable => "S3 refuses to give the object version; recorded as unreadable.",
            Self::Skipped => "Object is not recorded; skipped.",
        }
    }
}

/// What is about to be done.
#[must_use]
pub fn before(effect: &Effect) -> String {
    match effect {
        Effect::Pin { bucket, key, .. } => {
            let key = escape(key);
            format!("Listing versions in S3 bucket: {bucket}, key: {key}")
        }
        Effect::Confirm(version) => {
            let (bucket, key) = (&version.bucket, escape(&version.key));
            format!("Looking for the version in S3 bucket: {bucket}, key: {key}")
        }
        Effect::CheckReceipt(key) => format!("Checking if there is a receipt: {}", escape(key)),
        Effect::Inspect(version) => {
            let (bucket, key) = (&version.bucket, escape(&version.key));
            format!("Getting facts of object from S3 bucket: {bucket}, key: {key}")
        }
        Effect::Hash(version, facts) => {
            let (bucket, key) = (&version.bucket, escape(&version.key));
            let size = facts.size;
            format!("Hashing {size} bytes from S3 bucket: {bucket}, key: {key}")
        }
        Effect::Announce(receipt) => {
            format!("Announcing record: {}", escape(&receipt.record_key()))
        }
        Effect::Write(receipt) => format!("Writing record: {}", escape(&receipt.record_key())),
    }
}

/// The fields every line of a version carries.
#[must_use]
pub fn about(version: &ObjectVersion) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("bucket".into(), version.bucket.clone().into());
    fields.insert("key".into(), escape(&version.key).into());
    if !version.version_id.is_empty() {
        fields.insert("version_id".into(), version.version_id.clone().into());
    }
    fields
}

/// The line and the metrics of an end.
#[must_use]
pub fn end(verdict: &Verdict) -> Handled {
    let mut fields = about(&verdict.version);
    fields.insert("end".into(), verdict.end.name().into());
    let mut metrics = vec![(verdict.end.metric(), Unit::Count, 1)];
    if let Some(receipt) = &verdict.receipt {
        fields.insert("receipt".into(), escape(&receipt.record_key()).into());
        if let Some(size) = receipt.size {
            fields.insert("size".into(), size.into());
        }
        if let Some(sha256) = &receipt.sha256 {
            fields.insert("sha256".into(), sha256.clone().into());
            metrics.push(("BytesHashed", Unit::Bytes, receipt.size.unwrap_or_default()));
        }
        if let Some(reason) = &receipt.reason {
            fields.insert("reason".into(), escape(reason).into());
        }
        if receipt.pinned_late {
            fields.insert("pinned_late".into(), true.into());
        }
    }
    if let Some(why) = verdict.why {
        fields.insert("why".into(), why.into());
    }
    Handled {
        message: verdict.end.sentence().to_owned(),
        needs_attention: matches!(verdict.end, End::Deferred | End::Unreadable),
        fields,
        metrics,
    }
}
