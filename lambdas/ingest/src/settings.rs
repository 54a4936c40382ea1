//! The function's settings, from its environment.

use lambda_support::settings::{SettingError, optional, parsed, required};
use sluice_types::keys::PROJECT_PREFIX;

use crate::record::End;

/// What Terraform decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `PROCESSING_BUCKET`: where objects arrive.
    pub processing_bucket: String,
    /// `QUARANTINE_BUCKET`: where refused versions go.
    pub quarantine_bucket: String,
    /// `PREFIX`: keys outside are skipped; may be empty.
    pub prefix: String,
    /// `TABLE`: the items table.
    pub table: String,
    /// `HASH_KEY`: its partition key.
    pub hash_key: String,
    /// `RANGE_KEY`: its sort key, if it has one.
    pub range_key: Option<String>,
    /// `SCHEMA_SHA256`: hash, and so key, of the schema in the processing bucket.
    pub schema_sha256: String,
    /// `CHECK_ITEM_ID`: `true` or `false`.
    pub check_item_id: bool,
    /// `MAX_OBJECT_BYTES`: larger objects are invalid.
    pub max_object_bytes: u64,
    /// `NOTIFY_ON`: the ends people are told of, separated by commas; may be empty.
    pub notify_on: Vec<End>,
    /// `TOPIC_ARN`: where they are told.
    pub topic_arn: String,
}

impl Settings {
    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    /// The first setting that is missing or does not parse.
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
            notify_on: ends(&optional(&lookup, "NOTIFY_ON").unwrap_or_default())?,
            topic_arn: required(&lookup, "TOPIC_ARN")?,
        })
    }

    /// Where Terraform put the schema.
    #[must_use]
    pub fn schema_key(&self) -> String {
        format!("{PROJECT_PREFIX}schema/{}.json", self.schema_sha256)
    }
}

fn ends(text: &str) -> Result<Vec<End>, SettingError> {
    let names = text.split(',').map(str::trim).filter(|n| !n.is_empty());
    names
        .map(|name| {
            let end = End::ALL.into_iter().find(|e| e.name() == name);
            end.ok_or_else(|| SettingError::Invalid {
                name: "NOTIFY_ON",
                value: text.to_owned(),
                reason: format!("`{name}` is no end"),
            })
        })
        .collect()
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
    fn empty_is_absent_and_lists_are_read() {
        let settings = Settings::read(lookup).unwrap();
        assert_eq!(settings.range_key, None);
        assert_eq!(settings.notify_on, [End::Invalid, End::TooLarge]);
    }

    #[test]
    fn a_bad_setting_is_named() {
        let without = |gone: &'static str| move |name: &str| lookup(name).filter(|_| name != gone);
        let error = Settings::read(without("TABLE")).unwrap_err();
        assert!(error.to_string().contains("`TABLE`"));
        let with =
            |bad: &'static str| move |name: &str| lookup(name).map(|t| if name == bad { "ten".into() } else { t });
        for name in ["MAX_OBJECT_BYTES", "CHECK_ITEM_ID", "NOTIFY_ON"] {
            assert!(Settings::read(with(name)).unwrap_err().to_string().contains(name));
        }
    }
}
