//! Ways to show a report; nothing but these and `main` writes to the terminal.
pub mod github;
pub mod json;
pub mod sarif;
pub mod tables;
pub mod text;

use crate::diagnostic::Diagnostic;

/// What stays the same of a finding when lines move: rule, file, address, place in the document, message.
pub fn fingerprint(diagnostic: &Diagnostic) -> String {
    let finding = &diagnostic.finding;
    let parts = [
        finding.rule.name,
        &diagnostic.location.file.path,
        finding.address.as_deref().unwrap_or_default(),
        finding.pointer.as_deref().unwrap_or_default(),
        &finding.message,
    ];
    // FNV-1a: small, and the same on every machine and in every version.
    let bytes = parts.iter().flat_map(|p| p.bytes().chain(std::iter::once(0)));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
