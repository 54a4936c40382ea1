//! The protocol of one delivery: a pure state machine that takes the result of an effect and returns the next effect. It
//! has no client, clock or environment.
//!
//! Each effect is one AWS call. It may fail, its response may be lost, or the function may stop after it; a later
//! delivery starts from the beginning and reaches the same outcome. Two conditional writes commit a decision: the put of
//! the item, and the put of the reason record. All other effects can be repeated. A version with a reason record is
//! never stored. The source of a quarantined version is deleted last: after the copy was verified, the reason record
//! written and the notice published. Until then an event without a version-id still finds the version, so that no crash
//! can lose the notice.
//!
//! ```text
//! FindVersion (if the event has no version-id) -> CheckQuarantine
//!   reason record exists -> Notify -> DeleteSource -> done
//!   otherwise -> Read -> validate
//!     valid   -> Store -> stored | redelivered | duplicate | conflict
//!     invalid -> FindItem (if it has a table key) -> redelivered, if it was stored under an earlier schema
//!     invalid, conflict -> SeeQuarantine -> Copy -> InspectCopy -> WriteReason -> Notify -> DeleteSource -> done
//!     read failed -> FindVersion
//!       absent -> CheckQuarantine -> gone, or the outcome in the reason record of another delivery
//!       exists -> unreadable, or a fault
//!       exists, read failed as without the uploader's key -> InspectVersion -> unreadable, or a fault
//! ```

mod finishing;
mod quarantining;
mod reading;
mod state;
mod storing;

use std::fmt::Debug;

use lambda_support::{Arrival, Fault};
use sluice_types::keys::PROJECT_PREFIX;
use sluice_types::{ObjectVersion, Timestamp};

use crate::deployment::Deployment;
use crate::effect::{Effect, EffectResult};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::source::Source;
use state::{Reading, State};

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

/// What a delivery does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Perform this effect and pass its result to [`Delivery::next`].
    Perform(Effect),
    /// The delivery is complete.
    Done(Box<Verdict>),
    /// The message returns to the queue.
    Fault(Fault),
}

/// The state of one delivery of one object version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    state: State,
    source: Source,
    request_id: Option<String>,
    now: Timestamp,
    pinned_late: bool,
}

impl Delivery {
    /// Starts a delivery at `now`; returns it with its first step.
    #[must_use]
    pub fn start(arrival: Arrival, now: Timestamp, deployment: &Deployment) -> (Self, Step) {
        let mut delivery = Self {
            state: State::Finished,
            pinned_late: arrival.version_id.is_none(),
            source: Source {
                version: ObjectVersion {
                    bucket: arrival.bucket,
                    key: arrival.key,
                    version_id: arrival.version_id.unwrap_or_default(),
                },
                etag: arrival.etag,
                size: arrival.size,
                sha256: None,
                sequencer: arrival.sequencer,
            },
            request_id: arrival.request_id,
            now,
        };
        let step = delivery.first(deployment);
        (delivery, step)
    }

    fn first(&mut self, deployment: &Deployment) -> Step {
        let ObjectVersion { bucket, key, .. } = &self.source.version;
        let expected = &deployment.processing_bucket;
        if bucket != expected {
            let why = format!("the event is about bucket `{bucket}`; this function processes `{expected}` only");
            return Step::Fault(Fault::new("start", why));
        }
        if key.starts_with(PROJECT_PREFIX) {
            return self.skipped("an object of the project");
        }
        if !key.starts_with(&deployment.prefix) {
            return self.skipped("outside the prefix");
        }
        if self.pinned_late {
            let effect = Effect::FindVersion { key: key.clone(), version_id: None };
            return self.perform(State::Reading(Reading::FindingLatestVersion), effect);
        }
        self.check_quarantine()
    }

    /// Takes the result of the effect that was requested last; returns the next step.
    pub fn next(&mut self, deployment: &Deployment, result: EffectResult) -> Step {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::Reading(state) => self.reading(deployment, state, result),
            State::Storing(state) => self.storing(deployment, state, result),
            State::Quarantining(state) => self.quarantining(deployment, state, result),
            State::Finishing(state) => self.finishing(state, result),
            State::Finished => unexpected(&State::Finished, &result),
        }
    }

    /// The version of this delivery, as far as it is known.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    fn perform(&mut self, state: State, effect: Effect) -> Step {
        self.state = state;
        Step::Perform(effect)
    }

    fn verdict(&self, outcome: Outcome) -> Verdict {
        Verdict {
            outcome,
            source: self.source.clone(),
            reasons: Vec::new(),
            other: None,
            pinned_late: self.pinned_late,
            again: false,
        }
    }

    fn skipped(&self, why: &str) -> Step {
        let reasons = vec![Problem::new("", "skipped", why)];
        Step::Done(Box::new(Verdict { reasons, ..self.verdict(Outcome::Skipped) }))
    }
}

fn unexpected(state: &impl Debug, result: &EffectResult) -> Step {
    Step::Fault(Fault::new("protocol", format!("unexpected {result:?} in state {state:?}")))
}
