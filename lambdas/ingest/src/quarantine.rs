//! The quarantine bucket: the keys of copies and reason records, and the format of a reason record.

use lambda_support::names::fit;
use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::source::Source;

/// What the key of a reason record appends to the key of the copy.
const REASON_SUFFIX: &str = ".reason.json";

impl Source {
    /// The key of its copy in quarantine: `{key}/{version-id}`. A key too long for that is truncated and gets the
    /// SHA-256 of the whole key appended; the reason record has the whole key.
    #[must_use]
    pub fn copy_key(&self) -> String {
        let mut key = self.reason_key();
        key.truncate(key.len() - REASON_SUFFIX.len());
        key
    }

    /// The key of its reason record, next to the copy.
    #[must_use]
    pub fn reason_key(&self) -> String {
        fit("", &self.key, &format!("/{}{REASON_SUFFIX}", self.version_id))
    }
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
    use lambda_support::names::MAX_KEY;
    use proptest::prelude::*;

    proptest! {
        /// Copies never overwrite each other: each version has its own key.
        #[test]
        fn quarantine_keys_are_unique_and_within_the_limit(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a.len() <= MAX_KEY && b.len() <= MAX_KEY && a != b);
            let source = |key: &str| Source::new("in", key, "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j");
            prop_assert!(source(&a).reason_key().len() <= MAX_KEY);
            prop_assert_ne!(source(&a).copy_key(), source(&b).copy_key());
        }
    }
}
