//! The operator record: what a person did to an object version in quarantine, or to the queues.
//!
//! It is announced in the journal and listed in a manifest as a receipt is. Who acted is what the tool says; who wrote
//! the record is what the trail says.

use lambda_support::journal::{Entry, OPERATOR};
use lambda_support::time::Moment;
use serde::{Deserialize, Serialize};

use crate::place::{self, Ending};
use crate::version::Version;

/// In place of a bucket, where records lie that are about no object: no bucket can have this name.
const RUNS: &str = "~runs";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A version was copied from quarantine to where it came from, as a new version.
    Release,
    /// A version was deleted from quarantine.
    Remove,
    /// Messages of a dead-letter queue were sent again.
    Redrive,
}

impl Action {
    /// Its name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Remove => "remove",
            Self::Redrive => "redrive",
        }
    }

    /// For sentences: `released by …`.
    #[must_use]
    pub fn past(self) -> &'static str {
        match self {
            Self::Release => "released",
            Self::Remove => "removed",
            Self::Redrive => "redriven",
        }
    }
}

/// The record of one action: flat, as a receipt is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OperatorRecord {
    /// What was done.
    pub action: Action,
    /// The bucket that the version was uploaded to; absent for a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Its key there, whole; absent for a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its version-id there; absent for a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// SHA-256 of its bytes, hexadecimal, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Of a release: the version that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_version_id: Option<String>,
    /// Of a run: the queue whose messages were sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// ARN of the caller before a role was assumed.
    pub caller: String,
    /// ARN of the role's session; absent if none was assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When this was recorded.
    pub recorded_at: Moment,
}

impl OperatorRecord {
    /// The version that it is about; none of a run.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        Some(Version { bucket: self.bucket.clone()?, key: self.key.clone()?, version_id: self.version_id.clone()? })
    }

    /// Its key in the receipts bucket: one for each action on a version, one for each run.
    #[must_use]
    pub fn record_key(&self) -> String {
        match (self.version(), self.action) {
            (Some(version), Action::Release | Action::Remove) => record_key(&version, self.action),
            _ => {
                let at = self.recorded_at.to_string().replace(':', "-");
                let digest = lambda_support::names::sha256(&self.bytes());
                format!("{OPERATOR}{RUNS}/{}/{at}-{digest}.json", self.action.name())
            }
        }
    }

    /// Its bytes: one line of JSON, the same whenever it is written.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Its announcement.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry::new(self.record_key(), &self.bytes(), self.recorded_at)
    }
}

/// Where the record of this action on a version is. A run's record has its own time in its key.
#[must_use]
pub fn record_key(version: &Version, action: Action) -> String {
    let Version { bucket, key, version_id } = version;
    let ending = match action {
        Action::Release => Ending::Release,
        Action::Remove | Action::Redrive => Ending::Remove,
    };
    place::key_of(OPERATOR, bucket, key, version_id, ending)
}

/// What the keys of all operator records begin with whose versions' keys begin with `prefix`, and perhaps of some more.
#[must_use]
pub fn under(bucket: &str, prefix: &str) -> String {
    place::under(OPERATOR, bucket, prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> OperatorRecord {
        OperatorRecord {
            action: Action::Release,
            bucket: Some("in".into()),
            key: Some("a.json".into()),
            version_id: Some("b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into()),
            sha256: None,
            new_version_id: Some("v2".into()),
            queue: None,
            caller: "arn:aws:iam::1:user/ada".into(),
            role: None,
            reason: Some("schema fixed".into()),
            recorded_at: Moment(1_763_906_709_007),
        }
    }

    #[test]
    fn an_action_on_a_version_has_one_place_and_a_run_its_own() {
        let release = release();
        let place = "operator/in/a.json/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";
        assert_eq!(release.record_key(), format!("{place}.release.json"));
        let remove = OperatorRecord { action: Action::Remove, ..release.clone() };
        assert_eq!(remove.record_key(), format!("{place}.remove.json"));
        let run = |at| OperatorRecord {
            action: Action::Redrive,
            bucket: None,
            key: None,
            version_id: None,
            recorded_at: Moment(at),
            ..release.clone()
        };
        let key = run(1_763_906_709_007).record_key();
        assert!(key.starts_with("operator/~runs/redrive/2025-11-23T14-05-09.007Z-"), "{key}");
        assert_ne!(key, run(1_763_906_709_008).record_key());
        assert_eq!(run(1).version(), None);
    }

    #[test]
    fn it_is_one_flat_line() {
        let text = String::from_utf8(release().bytes()).unwrap();
        assert_eq!(
            text,
            "{\"action\":\"release\",\"bucket\":\"in\",\"key\":\"a.json\",\"version_id\":\"b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j\",\
             \"new_version_id\":\"v2\",\"caller\":\"arn:aws:iam::1:user/ada\",\"reason\":\"schema fixed\",\
             \"recorded_at\":\"2025-11-23T14:05:09.007Z\"}\n"
        );
        assert_eq!(serde_json::from_str::<OperatorRecord>(&text).unwrap(), release());
    }
}
