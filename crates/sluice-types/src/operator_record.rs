//! The operator record: what an operator did to an object version in quarantine, or to a queue.
//!
//! Like a receipt it has a journal entry and is listed in a manifest. `caller` and `role` are what the operator's tool
//! reports; CloudTrail knows who wrote the record.

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::keys::OPERATOR_PREFIX;
use crate::object::ObjectVersion;
use crate::record::{Record, RecordKind};
use crate::record_key::{RecordSuffix, record_key, record_key_prefix};
use crate::timestamp::Timestamp;

/// Takes the place of the bucket in the keys of records about a queue; it is not a valid bucket name.
const RUNS_FOLDER: &str = "~runs";

/// What an operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorAction {
    /// Copied a version from quarantine back to its bucket, as a new version.
    Release,
    /// Deleted a version from quarantine.
    Remove,
    /// Sent the messages of a dead-letter queue again.
    Redrive,
}

impl OperatorAction {
    /// The name in records, for example `release`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Remove => "remove",
            Self::Redrive => "redrive",
        }
    }

    /// The past participle for messages, for example `released`.
    #[must_use]
    pub fn past_participle(self) -> &'static str {
        match self {
            Self::Release => "released",
            Self::Remove => "removed",
            Self::Redrive => "redriven",
        }
    }
}

/// The record of one action: flat, like a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OperatorRecord {
    /// What the operator did.
    pub action: OperatorAction,
    /// The bucket that the version was uploaded to; absent for a redrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Its key there, never cut; absent for a redrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its version-id there; absent for a redrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// SHA-256 of its bytes, hexadecimal, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// For a release: the version-id of the new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_version_id: Option<String>,
    /// For a redrive: the queue whose messages were sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// ARN of the caller before a role was assumed.
    pub caller: String,
    /// ARN of the role session; absent if no role was assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The reason that the operator gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When this was recorded.
    pub recorded_at: Timestamp,
}

impl OperatorRecord {
    /// The version that it describes; `None` for a redrive.
    #[must_use]
    pub fn version(&self) -> Option<ObjectVersion> {
        Some(ObjectVersion {
            bucket: self.bucket.clone()?,
            key: self.key.clone()?,
            version_id: self.version_id.clone()?,
        })
    }
}

impl Record for OperatorRecord {
    /// One key for each action on a version; one key for each redrive.
    fn record_key(&self) -> String {
        match (self.version(), self.action) {
            (Some(version), OperatorAction::Release | OperatorAction::Remove) => {
                operator_record_key(&version, self.action)
            }
            _ => {
                let recorded_at = self.recorded_at.to_string().replace(':', "-");
                let digest = sha256(&self.bytes());
                format!("{OPERATOR_PREFIX}{RUNS_FOLDER}/{}/{recorded_at}-{digest}.json", self.action.name())
            }
        }
    }

    fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }
}

/// The key of the record of this action on `version`. The key of a redrive has its time in it: see
/// [`Record::record_key`].
#[must_use]
pub fn operator_record_key(version: &ObjectVersion, action: OperatorAction) -> String {
    let suffix = match action {
        OperatorAction::Release => RecordSuffix::Release,
        OperatorAction::Remove | OperatorAction::Redrive => RecordSuffix::Remove,
    };
    record_key(RecordKind::Operator, version, suffix)
}

/// A prefix of the keys of all operator records whose object keys start with `key_prefix`. Keys of a few other records
/// may start with it too.
#[must_use]
pub fn operator_record_key_prefix(bucket: &str, key_prefix: &str) -> String {
    record_key_prefix(RecordKind::Operator, bucket, key_prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> OperatorRecord {
        OperatorRecord {
            action: OperatorAction::Release,
            bucket: Some("in".into()),
            key: Some("a.json".into()),
            version_id: Some("b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into()),
            sha256: None,
            new_version_id: Some("v2".into()),
            queue: None,
            caller: "arn:aws:iam::1:user/ada".into(),
            role: None,
            reason: Some("schema fixed".into()),
            recorded_at: Timestamp::from_millis(1_763_906_709_007),
        }
    }

    #[test]
    fn each_action_on_a_version_has_one_key_and_each_redrive_its_own() {
        let release = release();
        let prefix = "operator/in/a.json/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";
        assert_eq!(release.record_key(), format!("{prefix}.release.json"));
        let remove = OperatorRecord { action: OperatorAction::Remove, ..release.clone() };
        assert_eq!(remove.record_key(), format!("{prefix}.remove.json"));
        let redrive = |at| OperatorRecord {
            action: OperatorAction::Redrive,
            bucket: None,
            key: None,
            version_id: None,
            recorded_at: Timestamp::from_millis(at),
            ..release.clone()
        };
        let key = redrive(1_763_906_709_007).record_key();
        assert!(key.starts_with("operator/~runs/redrive/2025-11-23T14-05-09.007Z-"), "{key}");
        assert_ne!(key, redrive(1_763_906_709_008).record_key());
        assert_eq!(redrive(1).version(), None);
    }
}
