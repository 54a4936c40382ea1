//! The states of a delivery between two effects, by phase.

use lambda_support::Fault;
use lambda_support::aws::Obstacle;

use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::quarantine::ReasonRecord;
use crate::source::Source;
use crate::verdict::Verdict;

/// The effect that a delivery waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum State {
    Reading(Reading),
    Storing(Storing),
    Quarantining(Quarantining),
    Finishing(Finishing),
    Finished,
}

/// Which version it is, whether it was quarantined earlier, and what its content is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Reading {
    FindingLatestVersion,
    CheckingQuarantine,
    GettingObject,
    /// The version could not be read: does it exist?
    ConfirmingVersion(ReadFailure),
    /// The version could not be read and does not exist: did another delivery quarantine it?
    ConfirmingAbsence,
    /// The version exists, and the read failed as it does without the uploader's key: does `HeadObject` fail too?
    ConfirmingCustomerKey(Fault),
}

/// A read that failed although the version may exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ReadFailure {
    pub(super) fault: Fault,
    pub(super) obstacle: Option<Obstacle>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Storing {
    PuttingItem,
    /// The object has these problems. Was it stored under an earlier schema?
    FindingItem(Vec<Problem>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Quarantining {
    ListingQuarantine(Decision),
    CopyingVersion(Decision),
    InspectingCopy {
        decision: Decision,
        /// This delivery made the copy.
        copied: bool,
    },
    WritingReason(Box<ReasonRecord>),
}

/// Why a version is quarantined, before the reason record is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    pub(super) reasons: Vec<Problem>,
    pub(super) other: Option<Source>,
}

/// The outcome is known; the notice and the deletion remain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Finishing {
    Notifying(Box<Verdict>),
    DeletingSource(Box<Verdict>),
}
