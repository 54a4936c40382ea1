//! The result of a check: diagnostics, unresolved values, and what was read.
use std::sync::Arc;

use source_text::{Location, SourceFile};

use crate::rule::{Finding, Severity};

/// A finding with its locations.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The finding.
    pub finding: Finding,
    /// Where it is.
    pub location: Location,
    /// Related locations, each with a message.
    pub related: Vec<(Location, String)>,
    /// The plan or state that it was found in, if its location is in the source of that.
    pub input: Option<String>,
}

/// A value that only a plan or an apply determines.
#[derive(Clone, Debug)]
pub struct UnresolvedValue {
    /// Where it is.
    pub location: Location,
    /// The expression.
    pub what: String,
    /// Why it is unknown.
    pub why: String,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Sorted by path and position.
    pub findings: Vec<Diagnostic>,
    /// Sorted by path and position.
    pub unresolved: Vec<UnresolvedValue>,
    /// Inputs that could not be read.
    pub errors: Vec<String>,
    /// Notes for the user that are not findings.
    pub notes: Vec<String>,
    /// The paths of files that hold a policy or should hold one.
    pub documents: Vec<String>,
    /// The Terraform files that were checked, whose comments may suppress findings.
    pub sources: Vec<Arc<SourceFile>>,
    /// The Terraform files that were only read as the source of a plan.
    pub plan_sources: Vec<Arc<SourceFile>>,
    /// The number of policies.
    pub policies: usize,
}

impl Report {
    /// The number of findings with a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.finding.severity == severity).count()
    }

    /// Whether it has neither documents nor findings, values, errors or notes.
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty()
            && self.findings.is_empty()
            && self.unresolved.is_empty()
            && self.errors.is_empty()
            && self.notes.is_empty()
    }

    /// Adds another report.
    pub fn merge(&mut self, other: Report) {
        self.findings.extend(other.findings);
        self.unresolved.extend(other.unresolved);
        self.errors.extend(other.errors);
        self.notes.extend(other.notes);
        self.documents.extend(other.documents);
        self.sources.extend(other.sources);
        self.plan_sources.extend(other.plan_sources);
        self.policies += other.policies;
    }

    /// Sorts everything, and removes findings of a plan that its source has too.
    pub fn sort(&mut self) {
        fn key(location: &Location) -> (&str, u32, u32) {
            (&location.file.path, location.start, location.end)
        }
        fn key_of(f: &Diagnostic) -> impl Ord + '_ {
            let finding = &f.finding;
            (key(&f.location), finding.rule.name, &finding.pointer, &finding.address, &finding.message)
        }
        self.findings.sort_by(|a, b| key_of(a).cmp(&key_of(b)));
        self.findings.dedup_by(|next, kept| {
            let (a, b) = (&next.finding, &kept.finding);
            next.input != kept.input
                && (a.rule.name, &a.message, &a.address) == (b.rule.name, &b.message, &b.address)
                && key(&next.location) == key(&kept.location)
        });
        self.unresolved.sort_by(|a, b| (key(&a.location), &a.what).cmp(&(key(&b.location), &b.what)));
        self.unresolved.dedup_by(|a, b| (key(&a.location), &a.what) == (key(&b.location), &b.what));
        self.errors.sort();
        self.notes.sort();
    }
}
