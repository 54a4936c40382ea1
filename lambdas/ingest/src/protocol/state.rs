//! Where a delivery stands between two effects.

use lambda_support::Fault;
use lambda_support::aws::Obstacle;

use super::Verdict;
use crate::record::{End, Problem, Reason, Source};

/// A read that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotRead {
    pub(super) fault: Fault,
    pub(super) obstacle: Option<Obstacle>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Pinning,
    Checking,
    Confirming(NotRead),
    ConfirmingKey(Fault),
    /// The version could not be read and is not listed.
    Missing,
    Reading,
    Storing,
    Looking(Vec<Problem>),
    Listing(Decision),
    Copying(Decision),
    Inspecting {
        decision: Decision,
        copied: bool,
    },
    Writing(Box<Reason>),
    Notifying(Box<Verdict>),
    Deleting(Box<Verdict>),
    Ended,
}

/// The decision to quarantine, before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) end: End,
    pub(super) reasons: Vec<Problem>,
    pub(super) other: Option<Source>,
}
