//! What can be wrong.

use lambda_support::log::escape;
use serde_json::{Map, Value};
use sluice_types::{ObjectVersion as Version, Receipt};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A manifest is not signed by the key, or is none.
    ManifestSignature,
    /// A manifest does not follow the one before it, or one is missing.
    ManifestChain,
    /// There is no manifest of the last hours.
    LedgerBehind,
    /// A receipt's bytes are not those that were listed.
    ReceiptChanged,
    /// A listed receipt is not there.
    ReceiptMissing,
    /// A receipt is there that the manifest of its time does not list: invented or back-dated.
    ReceiptUnlisted,
    /// A receipt lies where receipts of another version lie, or is listed in a period that is not its own.
    ReceiptMisplaced,
    /// Two manifests list one receipt, or one lists it with two digests.
    ListedTwice,
    /// A receipt of a version that was never created, as far as the trail says: forged.
    ReceiptUnproven,
    /// A version with a receipt is not there.
    VersionMissing,
    /// A version is not what its receipt says.
    VersionChanged,
    /// A version has no receipt.
    VersionUnrecorded,
    /// A version is recorded without its hash.
    Deferred,
    /// A version is recorded as one whose bytes S3 refuses.
    Unreadable,
}

impl Kind {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
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

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// The key of the receipt or manifest that shows it; empty if none does.
    pub evidence: String,
    /// The version it is about, if it is about one.
    pub version: Option<Version>,
    /// A sentence.
    pub what: String,
}

impl Finding {
    /// About a manifest, or a receipt that cannot be read.
    #[must_use]
    pub fn of(kind: Kind, evidence: impl Into<String>, what: impl Into<String>) -> Self {
        Self { kind, evidence: evidence.into(), version: None, what: what.into() }
    }

    /// The same, about this version.
    #[must_use]
    pub fn about(self, version: Version) -> Self {
        Self { version: Some(version), ..self }
    }

    /// For people, with what comes from outside escaped.
    #[must_use]
    pub fn text(&self) -> String {
        let place = match &self.version {
            Some(version) => place(version),
            None => escape(&self.evidence),
        };
        format!("{}  {place}: {}", self.kind.name(), escape(&self.what))
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
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

/// A version for people; every part of it comes from outside.
#[must_use]
pub fn place(version: &Version) -> String {
    let Version { bucket, key, version_id } = version;
    let (bucket, key, version_id) = (escape(bucket), escape(key), escape(version_id));
    format!("s3://{bucket}/{key} version {version_id}")
}

/// The version that a receipt is about.
#[must_use]
pub fn version_of(receipt: &Receipt) -> Version {
    Version { bucket: receipt.bucket.clone(), key: receipt.key.clone(), version_id: receipt.version_id.clone() }
}
