//! The output formats of a report. Only these modules and `main` write to the terminal.
pub mod github;
pub mod json;
pub mod sarif;
pub mod tables;
pub mod text;

use crate::diagnostic::{Diagnostic, Report};
use crate::quoted::quoted_parts;
use crate::rules;

/// Whether a policy could not be read, so that the check is incomplete.
pub fn has_unreadable_policies(report: &Report) -> bool {
    report.findings.iter().any(|f| f.finding.rule.name == rules::invalid_policy::RULE.name)
}

/// A hash that identifies a finding across edits of its file and changes of wording: rule, path, Terraform address,
/// pointer into the document, and the parts of the message in backticks.
pub fn fingerprint(diagnostic: &Diagnostic) -> String {
    let finding = &diagnostic.finding;
    let location = [
        finding.rule.name,
        &diagnostic.location.file.path,
        finding.address.as_deref().unwrap_or_default(),
        finding.pointer.as_deref().unwrap_or_default(),
    ];
    let parts = location.into_iter().chain(quoted_parts(&finding.message));
    // FNV-1a: small, and the same on every machine and in every version.
    let bytes = parts.flat_map(|p| p.bytes().chain(std::iter::once(0)));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
