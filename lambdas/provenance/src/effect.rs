//! The effects of the protocol and their results. An effect is one kind of AWS call; the statement that grants it is in
//! `terraform/modules/provenance/iam.tf`.

use lambda_support::Fault;
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion, Receipt};

use crate::record_writer::WriteResult;

/// One AWS call; `Hash` is one call for each part of the version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `ListObjectVersions`: finds the newest version with this ETag, or without one, the newest version. Granted by `FindVersion`.
    ResolveVersion {
        /// Bucket name.
        bucket: String,
        /// Key.
        key: String,
        /// ETag without quotes.
        etag: Option<String>,
    },
    /// `HeadObject` in the receipts bucket: does a record with this key exist? Granted by `ReadReceipt`.
    CheckReceipt(String),
    /// `HeadObject` of the version. Granted by `ReadVersion`.
    Inspect(ObjectVersion),
    /// `GetObject` of the version, by ranges. Granted by `ReadVersion`.
    Hash(ObjectVersion, ObjectAttributes),
    /// `ListObjectVersions`: does exactly this version exist? Granted by `FindVersion`.
    ConfirmVersion(ObjectVersion),
    /// `PutObject` of the journal entry. Granted by `AnnounceReceipt`.
    WriteJournalEntry(Box<Receipt>),
    /// `PutObject` of the record, only if none exists. Granted by `WriteReceipt`.
    WriteRecord(Box<Receipt>),
}

/// What an effect returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectResult {
    /// `ResolveVersion`, `ConfirmVersion`: the version, if it is listed.
    Listed(Option<ListedVersion>),
    /// `CheckReceipt`: whether the record exists.
    ReceiptExists(bool),
    /// `Inspect`: what S3 reports about the version.
    Attributes(ObjectAttributes),
    /// `Hash`: SHA-256 of the bytes, hexadecimal.
    Hashed(String),
    /// `Hash`: the time was up before all bytes were read.
    OutOfTime,
    /// `Inspect`, `Hash`: S3 returns 403 or 404; the version may not exist.
    NotAccessible(Fault),
    /// `Inspect`, `Hash`: S3 permanently refuses the version, if it exists; S3's error code.
    Refused(String),
    /// `WriteJournalEntry`: the entry exists.
    JournalEntryWritten,
    /// `WriteRecord`: whether this record was written or another one exists.
    RecordWritten(WriteResult),
}
