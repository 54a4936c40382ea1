//! The effects of the protocol and what they bring: the role's policy names every call of them.

use lambda_support::Fault;
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion, Receipt};

/// One AWS call; `Hash` is as many of one kind as the version has parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `ListObjectVersions`: the newest version with this ETag, or without one, the newest.
    Pin {
        /// Bucket name.
        bucket: String,
        /// Key.
        key: String,
        /// ETag without quotes.
        etag: Option<String>,
    },
    /// `HeadObject` in the receipts bucket: is there a record under this key?
    CheckReceipt(String),
    /// `HeadObject` of the version.
    Inspect(ObjectVersion),
    /// `GetObject` of the version, by ranges.
    Hash(ObjectVersion, ObjectAttributes),
    /// `ListObjectVersions`: is exactly this version there?
    Confirm(ObjectVersion),
    /// `PutObject` of the journal entry.
    Announce(Box<Receipt>),
    /// `PutObject` of the record, only if there is none.
    Write(Box<Receipt>),
}

/// What an effect brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectResult {
    /// `Pin`, `Confirm`: what was found.
    Found(Option<ListedVersion>),
    /// `CheckReceipt`: whether there is one.
    Receipt(bool),
    /// `Inspect`: what S3 says of the version.
    Facts(ObjectAttributes),
    /// `Hash`: SHA-256 of the bytes, hexadecimal.
    Hashed(String),
    /// `Hash`: the time was over before the bytes were.
    OutOfTime,
    /// `Inspect`, `Hash`: S3 does not show the version; it may be gone.
    Unreadable(Fault),
    /// `Inspect`, `Hash`: S3 refuses the version for good, if it is there; its error code.
    Refused(String),
    /// `Write`: there was a record before.
    WrittenBefore,
    /// `Announce`, `Write`: done.
    Done,
}
