//! Annotations in the format that GitHub Actions reads from the output of a step.
use std::io::{self, Write};

use untrusted_text::escape_lines;

use super::text;
use crate::diagnostic::Report;
use crate::rule::Severity;

/// Writes one workflow command per finding, and the summary line.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in &report.findings {
        let finding = &diagnostic.finding;
        let (start, end) = diagnostic.location.positions();
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let message = if finding.help.is_empty() {
            finding.message.clone()
        } else {
            format!("{}\nhelp: {}", finding.message, finding.help)
        };
        writeln!(
            out,
            "::{command} file={},line={},endLine={},col={},endColumn={},title={}::{}",
            property(&diagnostic.location.file.path),
            start.line,
            end.line,
            start.column,
            end.column,
            property(finding.rule.name),
            escaped(&message),
        )?;
    }
    writeln!(out, "{}", text::summary(report))
}

fn escaped(text: &str) -> String {
    escape_lines(text).replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}
