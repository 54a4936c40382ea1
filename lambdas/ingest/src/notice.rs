//! The SNS message about an outcome.

use lambda_support::log::escape;
use serde::Serialize;

use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::source::Source;

/// SNS's limit on a subject, in ASCII characters.
const MAX_SUBJECT_CHARS: usize = 100;

/// The SNS message about an outcome, in the JSON form that is published.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Notice {
    /// The outcome; also the message attribute `end`.
    #[serde(rename = "end")]
    pub outcome: Outcome,
    /// The version it is about.
    pub source: Source,
    /// What is wrong with it; empty if nothing is.
    pub reasons: Vec<Problem>,
    /// For a duplicate or a conflict, the object whose item is in the table, if the item names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Source>,
    /// The S3 URI of the object, or of its copy in quarantine.
    pub hint: String,
}

impl Notice {
    /// The subject: one line of printable ASCII, at most 100 characters.
    #[must_use]
    pub fn subject(&self) -> String {
        let text = format!("sluice: {}: {}", self.outcome.name(), escape(&self.source.version.key));
        let ascii = text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' });
        ascii.take(MAX_SUBJECT_CHARS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluice_types::ObjectVersion;

    proptest! {
        #[test]
        fn a_subject_is_printable_ascii(key in "\\PC{0,300}|[\r\n\t\u{202e}]{0,20}") {
            let version = ObjectVersion { bucket: "in".into(), key, version_id: "v".into() };
            let source = Source::from(version);
            let notice =
                Notice { outcome: Outcome::Invalid, source, reasons: vec![], other: None, hint: String::new() };
            let subject = notice.subject();
            prop_assert!(subject.len() <= 100 && subject.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}
