//! What would be changed that bootstrap did not create, and the `yes` without which it stays as it is.

use std::fmt::Display;

use lambda_support::log::escape;
use serde_json::json;

use crate::report::Report;

/// One setting, as it is and as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub setting: String,
    /// Its current value.
    pub current: String,
    /// The value it would get.
    pub wanted: String,
}

impl Difference {
    /// `setting` from `current` to `wanted`.
    pub fn new(setting: &str, current: impl Display, wanted: impl Display) -> Self {
        Self { setting: setting.to_owned(), current: current.to_string(), wanted: wanted.to_string() }
    }
}

/// Prints one line for each difference. `subject` is what they are of, `result` what becomes of them.
pub fn show(report: &Report, subject: &str, differences: &[Difference], result: &str) {
    for one in differences {
        let (current, wanted) = (escape(&one.current), escape(&one.wanted));
        report.line(
            format_args!("  {}: {current} -> {wanted}", escape(&one.setting)),
            &json!({
                "subject": subject,
                "setting": one.setting,
                "current": one.current,
                "wanted": one.wanted,
                "result": result,
            }),
        );
    }
}

/// Shows what would change of a thing that bootstrap did not create, and asks. `why` is the sentence about the thing.
pub fn ask(report: &Report, yes: bool, subject: &str, why: &str, differences: &[Difference]) -> bool {
    report.note(format_args!("{why}; this would change:"));
    show(report, subject, differences, "would change");
    if yes || report.ask(&format!("Type yes to change {subject}:")).as_deref() == Some("yes") {
        return true;
    }
    report.note(format_args!(
        "{subject} was left alone and nothing was changed: run this again with --yes to change it, or name another"
    ));
    false
}
