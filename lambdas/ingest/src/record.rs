//! What is written about an object version: its source, its end, the reason record and the notice.

use lambda_support::Fault;
use lambda_support::aws::Obstacle;
use lambda_support::log::escape;
use serde::{Deserialize, Serialize};
use sluice_types::keys::fit_key as fit;

/// What the key of a reason record adds to the key of the copy.
const REASON_SUFFIX: &str = ".reason.json";
/// SNS's limit on a subject, in ASCII characters.
const MAX_SUBJECT: usize = 100;
/// The most of a path or a message that is told, in bytes. Names are chosen by who uploads; twenty problems, three keys
/// and the rest must stay far below the 256 KB of a notice.
const MAX_TOLD: usize = 512;

/// How an object version ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Its item is in the table.
    Stored,
    /// An earlier delivery stored it.
    Redelivered,
    /// Another object with the same bytes is the item.
    Duplicate,
    /// Another object with other bytes is the item; quarantined.
    Conflict,
    /// Not an item of this table; quarantined.
    Invalid,
    /// Not data: a folder marker, or the project's own.
    Skipped,
    /// Deleted before it was read.
    Gone,
    /// Above what one copy call can move; stays.
    TooLarge,
    /// There, and not readable as it is: archived, or its key is the uploader's, disabled or gone; stays.
    Unreadable,
}

impl End {
    /// Every end, for reading settings.
    pub const ALL: [Self; 9] = [
        Self::Stored,
        Self::Redelivered,
        Self::Duplicate,
        Self::Conflict,
        Self::Invalid,
        Self::Skipped,
        Self::Gone,
        Self::TooLarge,
        Self::Unreadable,
    ];

    /// Its name in settings, records and message attributes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Redelivered => "redelivered",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Skipped => "skipped",
            Self::Gone => "gone",
            Self::TooLarge => "too-large",
            Self::Unreadable => "unreadable",
        }
    }

    /// Its metric.
    #[must_use]
    pub fn metric(self) -> &'static str {
        match self {
            Self::Stored => "Stored",
            Self::Redelivered => "Redelivered",
            Self::Duplicate => "Duplicate",
            Self::Conflict => "Conflict",
            Self::Invalid => "Invalid",
            Self::Skipped => "Skipped",
            Self::Gone => "Gone",
            Self::TooLarge => "TooLarge",
            Self::Unreadable => "Unreadable",
        }
    }

    /// Whether the version ends in quarantine.
    #[must_use]
    pub fn quarantined(self) -> bool {
        matches!(self, Self::Conflict | Self::Invalid)
    }
}

/// One thing that is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// JSON Pointer to the offending value; empty for the object as a whole.
    pub path: String,
    /// The rule that it breaks, a short stable name.
    pub rule: String,
    /// What is wrong and what would be right; never quotes the value.
    pub message: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, rule: &str, message: impl Into<String>) -> Self {
        Self { path: cut(path.into()), rule: rule.to_owned(), message: cut(message.into()) }
    }
}

impl Problem {
    /// Why a version cannot be read as it is; `fault` has AWS's words, which name the KMS key.
    #[must_use]
    pub fn unreadable(obstacle: Obstacle, fault: &Fault) -> Self {
        let (rule, message) = match obstacle {
            Obstacle::Archived => (
                "archived",
                "it is in an archive storage class: restore it, or upload it again in a class that can be read",
            ),
            Obstacle::KmsKey => {
                ("kms-key", "its KMS key is disabled, pending deletion or gone: enable the key, or upload it again")
            }
            Obstacle::CustomerKey => (
                "customer-key",
                "it is encrypted with a key that only its uploader has (SSE-C): upload it again without one",
            ),
        };
        Self::new("", rule, format!("{message} ({})", fault.reason))
    }
}

/// The object version something is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Bucket name.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Version-id.
    pub version_id: String,
    /// ETag without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 of the bytes, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Orders the events of one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
}

impl Source {
    /// Whether both name the same version of the same object.
    #[must_use]
    pub fn same_version(&self, other: &Self) -> bool {
        self.bucket == other.bucket && self.key == other.key && self.version_id == other.version_id
    }

    /// The key of its copy in quarantine: `{key}/{version-id}`. A key too long for that is cut and carries the
    /// SHA-256 of the whole key instead; the reason record has the whole key.
    #[must_use]
    pub fn copy_key(&self) -> String {
        let mut key = self.reason_key();
        key.truncate(key.len() - REASON_SUFFIX.len());
        key
    }

    /// The key of its reason record, beside the copy.
    #[must_use]
    pub fn reason_key(&self) -> String {
        fit("", &self.key, &format!("/{}{REASON_SUFFIX}", self.version_id))
    }
}

/// The reason record: why a version is in quarantine. It is written once, after the copy was verified and before the
/// source is deleted; from then on the version's end is decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// [`End::Invalid`] or [`End::Conflict`].
    pub end: End,
    /// What is wrong.
    pub reasons: Vec<Problem>,
    /// The version.
    pub source: Source,
    /// For a conflict, the object whose item is in the table, if the item says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Source>,
    /// When it was decided, RFC 3339.
    pub quarantined_at: String,
    /// The S3 request that made the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A message to people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Notice {
    /// The end; also the message attribute `end`.
    pub end: End,
    /// The version.
    pub source: Source,
    /// What is wrong, if anything.
    pub reasons: Vec<Problem>,
    /// For a conflict, the object that was first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Source>,
    /// Where to look next.
    pub hint: String,
}

impl Notice {
    /// The subject: printable ASCII, one line, at most 100 characters.
    #[must_use]
    pub fn subject(&self) -> String {
        let text = format!("sluice: {}: {}", self.end.name(), escape(&self.source.key));
        let ascii = text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' });
        ascii.take(MAX_SUBJECT).collect()
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TOLD {
        text.truncate(text.floor_char_boundary(MAX_TOLD));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluice_types::keys::MAX_KEY_BYTES as MAX_KEY;

    fn source(key: &str) -> Source {
        Source {
            bucket: "in".into(),
            key: key.into(),
            version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
            etag: None,
            size: None,
            sha256: None,
            sequencer: None,
        }
    }

    #[test]
    fn names_read_back() {
        for end in End::ALL {
            let json = serde_json::to_string(&end).unwrap();
            assert_eq!(json, format!("\"{}\"", end.name()));
        }
    }

    proptest! {
        /// 003, section 3: quarantined evidence is never overwritten, so every version has a key of its own.
        #[test]
        fn quarantine_keys_fit_and_differ(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a.len() <= MAX_KEY && b.len() <= MAX_KEY && a != b);
            prop_assert!(source(&a).reason_key().len() <= MAX_KEY);
            prop_assert_ne!(source(&a).copy_key(), source(&b).copy_key());
        }

        #[test]
        fn a_problem_is_short(path in "[aé漢]{0,2000}") {
            prop_assert!(Problem::new(path.clone(), "r", path).path.len() <= MAX_TOLD + 3);
        }

        #[test]
        fn a_subject_is_printable_ascii(key in "\\PC{0,300}|[\r\n\t\u{202e}]{0,20}") {
            let notice = Notice { end: End::Invalid, source: source(&key), reasons: vec![], other: None, hint: String::new() };
            let subject = notice.subject();
            prop_assert!(subject.len() <= 100 && subject.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}
