//! The function's settings, read from its environment.

use lambda_support::settings::{SettingError, optional, parsed, required};
use sluice_types::keys::PROJECT_PREFIX;

use crate::outcome::Outcome;

/// The settings that Terraform writes into the function's environment. Each variable is named like its
/// field, in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bucket in which objects arrive.
    pub processing_bucket: String,
    /// The bucket to which invalid and conflicting versions are moved.
    pub quarantine_bucket: String,
    /// Objects with other keys are skipped; may be empty.
    pub prefix: String,
    /// Name of the table in which items are stored.
    pub table: String,
    /// Name of the table's partition key.
    pub hash_key: String,
    /// Name of the table's sort key, if it has one.
    pub range_key: Option<String>,
    /// SHA-256 of the schema, hexadecimal; it is part of the schema's key in the processing bucket.
    pub schema_sha256: String,
    /// Whether `ItemID` must correspond to `EntityType` and `Title`; `true` or `false`.
    pub check_item_id: bool,
    /// The largest valid object, in bytes.
    pub max_object_bytes: u64,
    /// The outcomes that are published, separated by commas; may be empty.
    pub notify_on: Vec<Outcome>,
    /// ARN of the topic to which they are published.
    pub topic_arn: String,
}

impl Settings {
    /// Reads the settings with `lookup`, which returns the value of an environment variable.
    ///
    /// # Errors
    /// When a setting is missing or not valid.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        Ok(Self {
            processing_bucket: required(&lookup, "PROCESSING_BUCKET")?,
            quarantine_bucket: required(&lookup, "QUARANTINE_BUCKET")?,
            prefix: optional(&lookup, "PREFIX").unwrap_or_default(),
            table: required(&lookup, "TABLE")?,
            hash_key: required(&lookup, "HASH_KEY")?,
            range_key: optional(&lookup, "RANGE_KEY"),
            schema_sha256: required(&lookup, "SCHEMA_SHA256")?,
            check_item_id: parsed(&lookup, "CHECK_ITEM_ID")?,
            max_object_bytes: parsed(&lookup, "MAX_OBJECT_BYTES")?,
            notify_on: outcomes(&optional(&lookup, "NOTIFY_ON").unwrap_or_default())?,
            topic_arn: required(&lookup, "TOPIC_ARN")?,
        })
    }

    /// The key of the schema in the processing bucket.
    #[must_use]
    pub fn schema_key(&self) -> String {
        format!("{PROJECT_PREFIX}schema/{}.json", self.schema_sha256)
    }
}

fn outcomes(text: &str) -> Result<Vec<Outcome>, SettingError> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| outcome(name, text)).collect()
}

fn outcome(name: &str, text: &str) -> Result<Outcome, SettingError> {
    Outcome::ALL.into_iter().find(|outcome| outcome.name() == name).ok_or_else(|| {
        let names = Outcome::ALL.map(|outcome| format!("`{}`", outcome.name())).join(", ");
        SettingError::Invalid {
            name: "NOTIFY_ON",
            value: text.to_owned(),
            reason: format!("`{name}` is not a valid outcome; use {names}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let text = match name {
            "CHECK_ITEM_ID" => "false",
            "MAX_OBJECT_BYTES" => "1048576",
            "NOTIFY_ON" => "invalid, too-large",
            "RANGE_KEY" | "PREFIX" => "",
            _ => "x",
        };
        Some(text.to_owned())
    }

    #[test]
    fn empty_settings_are_absent_and_lists_are_split() {
        let settings = Settings::read(lookup).unwrap();
        assert_eq!(settings.range_key, None);
        assert_eq!(settings.notify_on, [Outcome::Invalid, Outcome::TooLarge]);
    }

    #[test]
    fn an_invalid_setting_is_named_in_the_error() {
        let without = |missing: &'static str| move |name: &str| lookup(name).filter(|_| name != missing);
        let error = Settings::read(without("TABLE")).unwrap_err();
        assert!(error.to_string().contains("`TABLE`"));
        let with =
            |bad: &'static str| move |name: &str| lookup(name).map(|t| if name == bad { "ten".into() } else { t });
        for name in ["MAX_OBJECT_BYTES", "CHECK_ITEM_ID", "NOTIFY_ON"] {
            assert!(Settings::read(with(name)).unwrap_err().to_string().contains(name));
        }
    }
}
