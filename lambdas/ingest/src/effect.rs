//! The effects of the protocol and their results. An effect is one kind of AWS call; the statement that grants it is in
//! `terraform/modules/ingest/iam.tf`.

use std::fmt::{self, Debug, Formatter};

use lambda_support::Fault;
use lambda_support::aws::Obstacle;
use serde_json::{Map, Value};
use sluice_types::{ListedVersion, ObjectVersion};

use crate::item::Item;
use crate::notice::Notice;
use crate::quarantine::ReasonRecord;
use crate::source::Source;

/// One AWS call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `ListObjectVersions` in the processing bucket: finds one version of a key. Granted by `FindVersion`.
    FindVersion {
        /// Object key.
        key: String,
        /// The version to find; without one, the latest.
        version_id: Option<String>,
    },
    /// `GetObject` of the reason record in the quarantine bucket. Granted by `ReadQuarantine`.
    CheckQuarantine(ObjectVersion),
    /// `GetObject` of the version. Granted by `ReadVersion`.
    Read(ObjectVersion),
    /// `HeadObject` of the version: is it rejected as the read was? Granted by `ReadVersion`.
    InspectVersion(ObjectVersion),
    /// `PutItem`, on the condition that the table has no item with its key. Granted by `StoreItem`.
    Store(Item),
    /// `GetItem` of the table key that an invalid object claims: was this version stored under an earlier schema? Granted by `FindItem`.
    FindItem(Map<String, Value>),
    /// `ListObjectsV2` in the quarantine bucket: which objects exist of this version? Granted by `SeeQuarantine`.
    SeeQuarantine(ObjectVersion),
    /// `CopyObject` to the quarantine bucket. Granted by `ReadVersion` and `MoveToQuarantineWrite`.
    Copy(ObjectVersion),
    /// `HeadObject` of the copy. Granted by `ReadQuarantine`.
    InspectCopy(ObjectVersion),
    /// `PutObject` of the reason record, on the condition that it does not exist. Granted by `MoveToQuarantineWrite`.
    WriteReason(Box<ReasonRecord>),
    /// `DeleteObject` of exactly this version in the processing bucket. Granted by `MoveToQuarantineDelete`.
    DeleteSource(ObjectVersion),
    /// `Publish`. Granted by `Notify`.
    Notify(Box<Notice>),
}

/// What an effect returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectResult {
    /// `FindVersion`: the version, if it exists.
    Version(Option<ListedVersion>),
    /// `CheckQuarantine`: the reason record, if it exists.
    Reason(Option<Box<ReasonRecord>>),
    /// `Read`: the object, within the size limit.
    Object(ObjectBody),
    /// `Read`: the object is above the size limit and was not read.
    Oversize {
        /// Size in bytes.
        size: u64,
    },
    /// `Read`, `Copy`: the version could not be read. It may not exist. If it does, the obstacle, where there is one,
    /// makes this permanent.
    NotRead(Fault, Option<Obstacle>),
    /// `InspectVersion`: whether S3 permanently rejects the request, as it does for a version that is encrypted with the
    /// uploader's key.
    HeadRejected(bool),
    /// `Store`: the item is in the table.
    Stored,
    /// `Store`: the table has an item with this key, stored from this version, if the item names one.
    Occupied(Option<Source>),
    /// `Store`: DynamoDB permanently rejects this item, with this error message.
    Rejected(String),
    /// `FindItem`: the version that the item was stored from, if the item exists and names one.
    ItemSource(Option<Source>),
    /// `SeeQuarantine`: which objects exist.
    Quarantined {
        /// Whether the copy exists.
        copy: bool,
        /// Whether the reason record exists.
        reason: bool,
    },
    /// `InspectCopy`: the size and digest of the copy, if it exists.
    Copied(Option<CopyDigest>),
    /// `WriteReason`: the reason record exists already.
    ReasonExists,
    /// `Copy`, `WriteReason`, `DeleteSource`, `Notify`: success.
    Done,
}

/// An object that was read. Its `Debug` form omits the content, which must not be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectBody {
    /// The whole content.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
    /// ETag without quotes.
    pub etag: Option<String>,
}

impl Debug for ObjectBody {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody").field("sha256", &self.sha256).field("etag", &self.etag).finish_non_exhaustive()
    }
}

/// What a copy is compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyDigest {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
}
