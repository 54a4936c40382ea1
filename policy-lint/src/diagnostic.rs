//! The result of a check: diagnostics, unresolved values, and what was read.
use std::sync::Arc;

use source_text::{Location, SourceFile};

use crate::rule::{Finding, Severity};

/// A finding with its places resolved.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// What was found.
    pub finding: Finding,
    /// Where.
    pub location: Location,
    /// Other places that belong to it.
    pub related: Vec<(Location, String)>,
    /// The plan or state that it was found in, where its place is in the source beside it.
    pub input: Option<String>,
}

/// A value that only a plan or an apply can know.
#[derive(Clone, Debug)]
pub struct UnresolvedValue {
    /// Where.
    pub location: Location,
    /// The expression.
    pub what: String,
    /// Why it is not known.
    pub why: String,
}

/// Everything one run has to say.
#[derive(Debug, Default)]
pub struct Report {
    /// Sorted by path and place.
    pub findings: Vec<Diagnostic>,
    /// Sorted by path and place.
    pub unresolved: Vec<UnresolvedValue>,
    /// Inputs that could not be read.
    pub errors: Vec<String>,
    /// Things worth saying that are no findings.
    pub notes: Vec<String>,
    /// Paths of files with at least one policy, or that should have one.
    pub documents: Vec<String>,
    /// Terraform files that may have exceptions as comments.
    pub sources: Vec<Arc<SourceFile>>,
    /// Those that were only read beside a plan, so that an exception in them may be for something else.
    pub beside: Vec<Arc<SourceFile>>,
    /// Policies.
    pub policies: usize,
}

impl Report {
    /// How many findings are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.finding.severity == severity).count()
    }

    /// Whether nothing was read and nothing is to be said.
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
        self.beside.extend(other.beside);
        self.policies += other.policies;
    }

    /// Puts everything in its final order, and says once what a plan and its source both say.
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
