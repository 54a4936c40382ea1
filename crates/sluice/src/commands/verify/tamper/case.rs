//! One way to tamper with a deployment.

use super::support::Deployment;

/// The expected findings: their kinds and a part of their keys.
pub(super) type Expected = &'static [(&'static str, &'static str)];

/// One way to tamper.
pub(super) struct Case {
    /// What is changed.
    pub(super) target: &'static str,
    /// Alter, remove, add, replay, reorder or truncate.
    pub(super) how: &'static str,
    /// A description.
    pub(super) what: &'static str,
    pub(super) apply: fn(&mut Deployment),
    /// The findings of a verification of the buckets.
    pub(super) online: Expected,
    /// The findings of an offline verification.
    pub(super) offline: Expected,
    /// Why there are no findings, or not in both verifications.
    pub(super) note: &'static str,
}
