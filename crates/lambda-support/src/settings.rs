//! Settings from the environment, read once, with errors that name the variable.

use std::fmt::Display;
use std::str::FromStr;

/// A setting that is missing or cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    /// The variable is not set or empty.
    #[error("set `{0}`: the function cannot work without it")]
    Missing(&'static str),
    /// The variable's text does not parse.
    #[error("`{name}` is `{text}`: {why}")]
    Unreadable {
        /// The variable.
        name: &'static str,
        /// Its text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A required text.
///
/// # Errors
/// When it is missing or empty.
pub fn required(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Result<String, SettingError> {
    optional(lookup, name).ok_or(SettingError::Missing(name))
}

/// An optional text; empty counts as absent.
pub fn optional(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Option<String> {
    lookup(name).filter(|text| !text.is_empty())
}

/// A required value of any type that parses from text.
///
/// # Errors
/// When it is missing or does not parse.
pub fn parsed<T>(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    let text = required(lookup, name)?;
    text.parse().map_err(|e: T::Err| SettingError::Unreadable { name, why: e.to_string(), text })
}

/// Looks a variable up in the process environment; pass it as `lookup`.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
