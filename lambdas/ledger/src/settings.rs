//! The settings of the function, from environment variables.

use lambda_support::settings::{SettingError, required};

/// The settings that Terraform sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `RECEIPTS_BUCKET`: the bucket of receipts, journal and ledger.
    pub receipts_bucket: String,
    /// `SIGNING_KEY`: the alias ARN of the signing key.
    pub signing_key: String,
}

impl Settings {
    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    /// The first setting that is missing.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        Ok(Self {
            receipts_bucket: required(&lookup, "RECEIPTS_BUCKET")?,
            signing_key: required(&lookup, "SIGNING_KEY")?,
        })
    }
}
