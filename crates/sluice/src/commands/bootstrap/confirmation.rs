//! Prints changes of what bootstrap did not create, and asks for confirmation.

use std::fmt::Display;

use lambda_support::log::escape;
use serde_json::json;

use crate::report::Report;

/// A setting whose current value differs from the wanted difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) setting: String,
    pub(crate) current: String,
    pub(crate) wanted: String,
}

impl Difference {
    pub(crate) fn new(setting: &str, current: impl Display, wanted: impl Display) -> Self {
        Self { setting: setting.to_owned(), current: current.to_string(), wanted: wanted.to_string() }
    }
}

/// Prints one line for each difference of `subject`; `result` says whether it is applied.
pub(super) fn print_differences(report: &Report, subject: &str, differences: &[Difference], result: &str) {
    for difference in differences {
        let (current, wanted) = (escape(&difference.current), escape(&difference.wanted));
        report.line(
            format_args!("  {}: {current} -> {wanted}", escape(&difference.setting)),
            &json!({
                "subject": subject,
                "setting": difference.setting,
                "current": difference.current,
                "wanted": difference.wanted,
                "result": result,
            }),
        );
    }
}

/// Prints the changes of `subject` and asks for confirmation, unless `yes` is set. `why` says why confirmation is needed.
pub(crate) fn ask(report: &Report, yes: bool, subject: &str, why: &str, differences: &[Difference]) -> bool {
    report.note(format_args!("{why}; this would change:"));
    print_differences(report, subject, differences, "would change");
    if yes || report.ask(&format!("Type yes to change {subject}:")).as_deref() == Some("yes") {
        return true;
    }
    report.note(format_args!(
        "{subject} was left alone and nothing was changed: run this again with --yes to change it, or name another"
    ));
    false
}
