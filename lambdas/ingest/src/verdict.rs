//! What one delivery of an object version led to.

use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::source::Source;

/// The outcome of a version, and what led to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// What became of the version.
    pub outcome: Outcome,
    /// The version, as far as it is known.
    pub source: Source,
    /// What is wrong with it, or why it was skipped.
    pub reasons: Vec<Problem>,
    /// For a duplicate or a conflict, the object whose item is in the table, if the item names one.
    pub other: Option<Source>,
    /// The event had no version-id, and the latest version was taken.
    pub pinned_late: bool,
    /// The reason record was written by an earlier delivery.
    pub again: bool,
}
