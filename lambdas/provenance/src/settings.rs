//! The settings of the function, from environment variables.

use lambda_support::settings::{SettingError, required};

use crate::watched::WatchedBucket;

/// The settings that Terraform sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `WATCHED`: a JSON list of buckets and prefixes.
    pub watched: Vec<WatchedBucket>,
    /// `RECEIPTS_BUCKET`: the bucket of records and journal.
    pub receipts_bucket: String,
}

impl Settings {
    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    /// The first setting that is missing or does not parse.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let value = required(&lookup, "WATCHED")?;
        let watched = serde_json::from_str(&value).map_err(|e| SettingError::Invalid {
            name: "WATCHED",
            reason: e.to_string(),
            value,
        })?;
        Ok(Self { watched, receipts_bucket: required(&lookup, "RECEIPTS_BUCKET")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(watched: &str) -> Result<Settings, SettingError> {
        Settings::read(|name| {
            let text = if name == "WATCHED" { watched } else { "receipts" };
            Some(text.to_owned())
        })
    }

    #[test]
    fn watched_buckets_are_parsed() {
        let settings = read(r#"[{"bucket":"raw","prefixes":["incoming/"]},{"bucket":"in"}]"#);
        let watched = settings.unwrap().watched;
        assert_eq!(watched[0].prefixes, ["incoming/"]);
        assert_eq!((watched[1].bucket.as_str(), watched[1].prefixes.len()), ("in", 0));
    }

    #[test]
    fn errors_name_the_variable() {
        for text in ["", "raw", r#"[{"bucket":"raw","prefix":"x"}]"#] {
            assert!(read(text).unwrap_err().to_string().contains("WATCHED"));
        }
        let without = |name: &str| (name == "WATCHED").then(|| "[]".to_owned());
        let error = Settings::read(without).unwrap_err();
        assert!(error.to_string().contains("RECEIPTS_BUCKET"));
    }
}
