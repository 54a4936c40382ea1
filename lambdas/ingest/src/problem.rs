//! One thing that is wrong with an object.

use lambda_support::Fault;
use lambda_support::aws::Obstacle;
use serde::{Deserialize, Serialize};

/// The longest path or message that is kept, in bytes. Uploaders choose attribute names: twenty problems and three keys
/// must fit in a notice, which SNS limits to 256 KB.
const MAX_TEXT_BYTES: usize = 512;

/// One thing that is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// JSON Pointer (RFC 6901) to the invalid value; empty for the object as a whole.
    pub path: String,
    /// The rule that is broken, a short stable name.
    pub rule: String,
    /// What is wrong and what would be valid. Never quotes the value.
    pub message: String,
}

impl Problem {
    /// A problem at `path`. A path or message of more than 512 bytes is truncated.
    pub fn new(path: impl Into<String>, rule: &str, message: impl Into<String>) -> Self {
        Self { path: truncate(path.into()), rule: rule.to_owned(), message: truncate(message.into()) }
    }

    /// Why a version cannot be read. The message ends with the error message of AWS, which names the KMS key.
    pub(crate) fn unreadable(obstacle: Obstacle, fault: &Fault) -> Self {
        let (rule, message) = match obstacle {
            Obstacle::Archived => (
                "archived",
                "it is in an archive storage class: restore it, or upload it again in a class that can be read",
            ),
            Obstacle::KmsKey => (
                "kms-key",
                "its KMS key is disabled, pending deletion or deleted: enable the key, or upload the object again",
            ),
            Obstacle::CustomerKey => (
                "customer-key",
                "it is encrypted with a key that only its uploader has (SSE-C): upload it again without such a key",
            ),
        };
        Self::new("", rule, format!("{message} ({})", fault.reason))
    }
}

fn truncate(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn long_paths_are_truncated(path in "[aé漢]{0,2000}") {
            prop_assert!(Problem::new(path.clone(), "r", path).path.len() <= MAX_TEXT_BYTES + 3);
        }
    }
}
