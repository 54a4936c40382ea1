//! Reads settings from environment variables. Errors name the variable.

use std::fmt::Display;
use std::str::FromStr;

/// A setting that is missing or not valid.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    /// The variable is not set or empty.
    #[error("environment variable `{0}` is not set: the function needs it")]
    Missing(&'static str),
    /// The value of the variable does not parse.
    #[error("environment variable `{name}` has the invalid value `{value}`: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// Why it is not valid.
        reason: String,
    },
}

/// The value of a required variable.
///
/// # Errors
/// When it is missing or empty.
pub fn required(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Result<String, SettingError> {
    optional(lookup, name).ok_or(SettingError::Missing(name))
}

/// The value of an optional variable; an empty value counts as absent.
pub fn optional(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Option<String> {
    lookup(name).filter(|text| !text.is_empty())
}

/// The value of a required variable, parsed.
///
/// # Errors
/// When it is missing or does not parse.
pub fn parsed<T>(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    let value = required(lookup, name)?;
    value.parse().map_err(|e: T::Err| SettingError::Invalid { name, reason: e.to_string(), value })
}

/// Reads a variable of the process environment, for the parameter `lookup` of the other functions.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
