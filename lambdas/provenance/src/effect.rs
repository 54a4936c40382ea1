//! The effects of the protocol and their results. The policy of the function's role grants exactly these calls.

use lambda_support::Fault;
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion, Receipt};

use crate::record_writer::WriteResult;

/// One AWS call; `Hash` is one call for each part of the version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `ListObjectVersions`: finds the newest version with this ETag, or without one, the newest version.
    ResolveVersion {
        /// Bucket name.
        bucket: String,
        /// Key.
        key: String,
        /// ETag without quotes.
        etag: Option<String>,
    },
    /// `HeadObject` in the receipts bucket: does a record with this key exist?
    CheckReceipt(String),
    /// `HeadObject` of the version.
    Inspect(ObjectVersion),
    /// `GetObject` of the version, by ranges.
    Hash(ObjectVersion, ObjectAttributes),
    /// `ListObjectVersions`: does exactly this version exist?
    ConfirmVersion(ObjectVersion),
    /// `PutObject` of the journal entry.
    WriteJournalEntry(Box<Receipt>),
    /// `PutObject` of the record, only if none exists.
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
