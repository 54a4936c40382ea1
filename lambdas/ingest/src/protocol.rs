//! The protocol of one delivery: a pure state machine that takes the result of an effect and returns the next effect. It
//! has no client, clock or environment.
//!
//! Each effect is one kind of AWS call. It may fail, its response may be lost, or the function may stop after it; a later
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

use lambda_support::protocol::unexpected;
use lambda_support::{Arrival, Fault, Protocol, StepOf};
use sluice_types::keys::PROJECT_PREFIX;
use sluice_types::{ObjectVersion, Timestamp};

use crate::deployment::Deployment;
use crate::effect::{Effect, EffectResult};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::source::Source;
use crate::verdict::Verdict;
use state::{Reading, State};

type Step = StepOf<IngestProtocol>;

/// The state of one delivery of one object version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IngestProtocol {
    state: State,
    source: Source,
    request_id: Option<String>,
    pinned_late: bool,
}

impl Protocol for IngestProtocol {
    type Request = Arrival;
    type Config = Deployment;
    type Effect = Effect;
    type EffectResult = EffectResult;
    type Verdict = Box<Verdict>;

    fn start(arrival: Arrival, deployment: &Deployment, _now: Timestamp) -> (Self, Step) {
        let mut protocol = Self {
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
        };
        let step = protocol.first(deployment);
        (protocol, step)
    }

    fn next(&mut self, deployment: &Deployment, result: EffectResult, now: Timestamp) -> Step {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::Reading(state) => self.reading(deployment, state, result, now),
            State::Storing(state) => self.storing(deployment, state, result),
            State::Quarantining(state) => self.quarantining(deployment, state, result, now),
            State::Finishing(state) => self.finishing(state, result),
            State::Finished => Step::Fault(unexpected(&State::Finished, &result)),
        }
    }
}

impl IngestProtocol {
    /// The version of this delivery, as far as it is known.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
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
