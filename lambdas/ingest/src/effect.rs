//! The effects of the protocol and what they bring: one effect is one AWS call, and the role's policy names them all.

use lambda_support::Fault;
use lambda_support::aws::Obstacle;

use serde_json::{Map, Value};
use sluice_types::ListedVersion;

use crate::judge::Item;
use crate::record::{Notice, Reason, Source};

/// One AWS call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// `ListObjectVersions`: is this version there (or, without one, which is the latest)?
    FindVersion {
        /// Key in the processing bucket.
        key: String,
        /// The version to look for.
        version_id: Option<String>,
    },
    /// `GetObject` of the reason record in the quarantine bucket.
    CheckQuarantine(Source),
    /// `GetObject` of the version.
    Read(Source),
    /// `HeadObject` of the version: is it refused like the read was?
    InspectVersion(Source),
    /// `PutItem`, only if there is no item with its key.
    Store(Item),
    /// `GetItem` by the key that an invalid object claims: was this version stored before it was invalid?
    FindItem(Map<String, Value>),
    /// `ListObjectsV2` in the quarantine bucket: what of this version is there?
    SeeQuarantine(Source),
    /// `CopyObject` to the quarantine bucket.
    Copy(Source),
    /// `HeadObject` of the copy.
    InspectCopy(Source),
    /// `PutObject` of the reason record, only if there is none.
    WriteReason(Box<Reason>),
    /// `DeleteObject` of exactly this version in the processing bucket.
    DeleteSource(Source),
    /// `Publish`.
    Notify(Box<Notice>),
}

/// What an effect brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `FindVersion`: what was found.
    Found(Option<ListedVersion>),
    /// `CheckQuarantine`: the record, if the version's end was decided before.
    Decided(Option<Box<Reason>>),
    /// `Read`: the bytes, not more than the limit.
    Body(Body),
    /// `Read`: more bytes than the limit; not read.
    Oversize {
        /// Size in bytes.
        size: u64,
    },
    /// `Read`, `Copy`: the version could not be read. It may be gone; if it is there, the obstacle keeps it from being
    /// read permanently, and without one the read is tried again.
    NotRead(Fault, Option<Obstacle>),
    /// `InspectVersion`: S3 refuses the request permanently, as it does without the uploader's key.
    HeadRefused(bool),
    /// `Store`: the item is in the table now.
    Stored,
    /// `Store`: an item with this key was there; its source, if it says. `FindItem`: the same; none if there is no item.
    Occupied(Option<Source>),
    /// `Store`: the table refuses this item permanently, in AWS's words.
    Refused(String),
    /// `SeeQuarantine`.
    Seen {
        /// The copy is there.
        copy: bool,
        /// The reason record is there.
        reason: bool,
    },
    /// `InspectCopy`: size and SHA-256 of the copy, if it is there.
    Inspected(Option<Facts>),
    /// `WriteReason`: another delivery wrote it first.
    WrittenBefore,
    /// `Copy`, `WriteReason`, `DeleteSource`, `Notify`: done.
    Done,
}

/// An object's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// All of them.
    pub bytes: Vec<u8>,
    /// Their SHA-256, hexadecimal.
    pub sha256: String,
    /// ETag without quotes.
    pub etag: Option<String>,
}

/// What S3 says of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Size in bytes.
    pub size: u64,
    /// Full-object SHA-256, hexadecimal, if S3 has it.
    pub sha256: Option<String>,
}
