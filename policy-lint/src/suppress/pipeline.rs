//! How findings are suppressed: one suppressor after another sees every finding that the earlier ones left.
use source_text::{Location, Span};

use crate::diagnostic::{Diagnostic, Report};
use crate::rule::{Persona, Reporter, Rule};

/// Hides findings.
pub(crate) trait Suppressor {
    /// Whether it hides a finding. It records which of its entries did.
    fn suppresses(&mut self, diagnostic: &Diagnostic) -> bool;

    /// Findings about its own entries, after it has seen every other finding. Later suppressors see these too.
    fn review(&self) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// Applies a suppressor to a report.
pub(crate) fn apply(report: &mut Report, suppressor: &mut dyn Suppressor) {
    report.findings.retain(|diagnostic| !suppressor.suppresses(diagnostic));
    report.findings.extend(suppressor.review());
}

/// Hides findings that are not for a persona.
pub(crate) struct AbovePersona(pub(crate) Persona);

impl Suppressor for AbovePersona {
    fn suppresses(&mut self, diagnostic: &Diagnostic) -> bool {
        diagnostic.finding.persona > self.0
    }
}

/// A finding about an entry of a suppressor; `range` is the entry's place in `file`.
pub(crate) fn about_entry(
    rule: &'static Rule,
    message: String,
    help: &str,
    range: std::ops::Range<usize>,
    file: &Location,
) -> Diagnostic {
    let mut findings = Vec::new();
    let span = Span::new(0, range.start, range.end);
    Reporter::new(rule, None, &mut findings).span(span, message, help);
    let location = Location { file: file.file.clone(), start: span.start, end: span.end };
    Diagnostic { finding: findings.swap_remove(0), location, related: Vec::new(), input: None }
}
