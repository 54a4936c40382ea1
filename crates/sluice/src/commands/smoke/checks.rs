//! Prints the checks of the smoke test.

use lambda_support::log::escape;
use serde_json::json;
use sluice_types::ObjectVersion;

use crate::report::{ExitStatus, Report};

/// Prints the checks and counts the failed ones.
pub(super) struct Checks<'a> {
    report: &'a Report,
    failed: u64,
}

impl<'a> Checks<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Self { report, failed: 0 }
    }

    pub(super) fn print(&mut self, check: &str, passed: bool, what: &str) {
        self.failed += u64::from(!passed);
        let status = if passed { "ok    " } else { "FAILED" };
        let json = json!({"check": check, "ok": passed, "what": what});
        self.report.line(format_args!("{status}  {check}: {what}"), &json);
    }

    /// Prints a check that neither passed nor failed.
    pub(super) fn print_open(&self, check: &str, what: &str) {
        let json = json!({"check": check, "ok": null, "what": what});
        self.report.line(format_args!("open    {check}: {what}"), &json);
    }

    pub(super) fn note(&self, text: &str) {
        self.report.note(text);
    }

    pub(super) fn finish(self, version: Option<&ObjectVersion>) -> ExitStatus {
        if let Some(ObjectVersion { bucket, key, version_id }) = version {
            let json = json!({"left": {"bucket": bucket, "key": key, "version_id": version_id}, "failed": self.failed});
            self.report.line(
                format_args!("left    s3://{bucket}/{} version {version_id}: evidence is not deleted", escape(key)),
                &json,
            );
        }
        ExitStatus::success_if(self.failed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_of_the_checks() {
        crate::report::testing::assert_printed("smoke", |report| {
            let mut checks = Checks::new(report);
            checks.print("encryption", true, "AES256");
            checks.print("access", false, "the object differs from the file");
            checks.print_open("log", "what");
            let version = ObjectVersion { bucket: "b".into(), key: "k".into(), version_id: "v".into() };
            checks.finish(Some(&version));
        });
    }
}
