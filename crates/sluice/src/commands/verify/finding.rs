//! The findings of a verification.

use lambda_support::log::escape;
use serde_json::{Map, Value};
use sluice_types::ObjectVersion;

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum FindingKind {
    /// A manifest is not valid or not signed by the key.
    ManifestSignature,
    /// A manifest does not continue the previous one, or is missing.
    ManifestChain,
    /// The manifests of the last hours are missing.
    LedgerBehind,
    /// A record's bytes differ from those that a manifest lists.
    ReceiptChanged,
    /// A record that a manifest lists does not exist.
    ReceiptMissing,
    /// The manifest of its time does not list a record: it was forged or back-dated.
    ReceiptUnlisted,
    /// A record is under the key of another record, or listed in the manifest of another period.
    ReceiptMisplaced,
    /// Two manifests list one record, or one lists it with two digests.
    ListedTwice,
    /// According to the trail, the version of a receipt was never created: the receipt is forged.
    ReceiptUnproven,
    /// A version with a receipt does not exist.
    VersionMissing,
    /// A version differs from its receipt.
    VersionChanged,
    /// A version has no receipt.
    VersionUnrecorded,
    /// A version is recorded without a hash.
    Deferred,
    /// A version is recorded as unreadable.
    Unreadable,
}

impl FindingKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ManifestSignature => "manifest-signature",
            Self::ManifestChain => "manifest-chain",
            Self::LedgerBehind => "ledger-behind",
            Self::ReceiptChanged => "receipt-changed",
            Self::ReceiptMissing => "receipt-missing",
            Self::ReceiptUnlisted => "receipt-unlisted",
            Self::ReceiptMisplaced => "receipt-misplaced",
            Self::ListedTwice => "listed-twice",
            Self::ReceiptUnproven => "receipt-unproven",
            Self::VersionMissing => "version-missing",
            Self::VersionChanged => "version-changed",
            Self::VersionUnrecorded => "version-unrecorded",
            Self::Deferred => "deferred",
            Self::Unreadable => "unreadable",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Finding {
    pub(super) kind: FindingKind,
    /// The key of the record or manifest that shows it; empty if there is none.
    pub(super) evidence: String,
    pub(super) version: Option<ObjectVersion>,
    /// A description; untrusted text in it is not escaped.
    pub(super) what: String,
}

impl Finding {
    /// A finding that is not about a version.
    pub(super) fn new(kind: FindingKind, evidence: impl Into<String>, what: impl Into<String>) -> Self {
        Self { kind, evidence: evidence.into(), version: None, what: what.into() }
    }

    pub(super) fn about(self, version: ObjectVersion) -> Self {
        Self { version: Some(version), ..self }
    }

    /// One line of text; untrusted text is escaped.
    pub(super) fn text(&self) -> String {
        let location = match &self.version {
            Some(version) => location(version),
            None => escape(&self.evidence),
        };
        format!("{}  {location}: {}", self.kind.name(), escape(&self.what))
    }

    pub(super) fn json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("finding".into(), self.kind.name().into());
        if let Some(version) = &self.version {
            fields.insert("bucket".into(), version.bucket.clone().into());
            fields.insert("key".into(), version.key.clone().into());
            fields.insert("version_id".into(), version.version_id.clone().into());
        }
        if !self.evidence.is_empty() {
            fields.insert("evidence".into(), self.evidence.clone().into());
        }
        fields.insert("what".into(), self.what.clone().into());
        fields.into()
    }
}

/// The location of a version as text, escaped.
pub(super) fn location(version: &ObjectVersion) -> String {
    let ObjectVersion { bucket, key, version_id } = version;
    let (bucket, key, version_id) = (escape(bucket), escape(key), escape(version_id));
    format!("s3://{bucket}/{key} version {version_id}")
}
