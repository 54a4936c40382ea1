//! The quarantine bucket: the keys of copies and reason records, and the format of a reason record.

use serde::{Deserialize, Serialize};
use sluice_types::ObjectVersion;
use sluice_types::keys::fit_key;

use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::source::Source;

/// What the key of a reason record appends to the key of the copy.
const REASON_SUFFIX: &str = ".reason.json";

/// The key of a version's copy in quarantine: `{key}/{version-id}`. A key too long for that is truncated and gets the
/// SHA-256 of the whole key appended; the reason record has the whole key.
#[must_use]
pub fn copy_key(version: &ObjectVersion) -> String {
    let mut key = reason_key(version);
    key.truncate(key.len() - REASON_SUFFIX.len());
    key
}

/// The key of a version's reason record, next to the copy.
#[must_use]
pub fn reason_key(version: &ObjectVersion) -> String {
    fit_key("", &version.key, &format!("/{}{REASON_SUFFIX}", version.version_id))
}

/// Why a version is in quarantine, in the JSON form of its reason record. The record is written once, after the copy
/// was verified and before the source is deleted. It commits the decision: a version with a reason record is never
/// validated again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReasonRecord {
    /// [`Outcome::Invalid`] or [`Outcome::Conflict`].
    #[serde(rename = "end")]
    pub outcome: Outcome,
    /// What is wrong.
    pub reasons: Vec<Problem>,
    /// The version that was quarantined.
    pub source: Source,
    /// For a conflict, the object whose item is in the table, if the item names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Source>,
    /// When it was decided, RFC 3339, UTC.
    pub quarantined_at: String,
    /// The id of the S3 request that created the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluice_types::keys::MAX_KEY_BYTES;

    proptest! {
        /// Copies never overwrite each other: each version has its own key.
        #[test]
        fn quarantine_keys_are_unique_and_within_the_limit(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a.len() <= MAX_KEY_BYTES && b.len() <= MAX_KEY_BYTES && a != b);
            let version = |key: &str| ObjectVersion {
                bucket: "in".into(),
                key: key.into(),
                version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
            };
            prop_assert!(reason_key(&version(&a)).len() <= MAX_KEY_BYTES);
            prop_assert_ne!(copy_key(&version(&a)), copy_key(&version(&b)));
        }
    }
}
