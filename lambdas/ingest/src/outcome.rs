//! The outcome of an object version.

use serde::{Deserialize, Serialize};

/// What became of an object version. Serialized as [`Outcome::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its item is in the table.
    Stored,
    /// An earlier delivery of the same version stored its item.
    Redelivered,
    /// The item under its table key was stored from another object with the same bytes.
    Duplicate,
    /// The item under its table key has other content. The version is in quarantine.
    Conflict,
    /// It is not a valid item of this table. The version is in quarantine.
    Invalid,
    /// It is not data: a folder marker, one of the project's own objects, or a key outside the prefix.
    Skipped,
    /// It was deleted before it was read.
    Gone,
    /// It is larger than one `CopyObject` call can move. It stays in the processing bucket.
    TooLarge,
    /// It exists but cannot be read: it is archived, or its encryption key is unavailable. It stays in the processing
    /// bucket.
    Unreadable,
}

impl Outcome {
    /// Every outcome.
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

    /// The name used in settings, reason records, log lines and message attributes, in kebab case.
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

    /// The name of the CloudWatch metric that counts it.
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

    /// Whether the version is moved to the quarantine bucket.
    #[must_use]
    pub fn is_quarantined(self) -> bool {
        matches!(self, Self::Conflict | Self::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serialized_form_is_the_name() {
        for outcome in Outcome::ALL {
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{}\"", outcome.name()));
        }
    }
}
