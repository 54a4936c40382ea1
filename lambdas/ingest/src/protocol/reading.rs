//! From the event to the content of the version, or to the outcome of a version that cannot be read.

use lambda_support::Fault;
use lambda_support::aws::Obstacle;
use lambda_support::protocol::unexpected;
use sluice_types::object::MAX_COPY_BYTES;
use sluice_types::{ObjectVersion, Timestamp};

use super::state::{ReadFailure, Reading, State};
use super::{IngestProtocol, Step};
use crate::deployment::Deployment;
use crate::effect::{Effect, EffectResult, ObjectBody};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::verdict::Verdict;

impl IngestProtocol {
    pub(super) fn reading(
        &mut self,
        deployment: &Deployment,
        state: Reading,
        result: EffectResult,
        now: Timestamp,
    ) -> Step {
        match (state, result) {
            (Reading::FindingLatestVersion, EffectResult::Version(Some(listed))) => {
                self.source.version = listed.version;
                self.source.size = Some(listed.attributes.size);
                self.source.etag = listed.attributes.etag;
                self.check_quarantine()
            }
            (Reading::FindingLatestVersion, EffectResult::Version(None)) => self.gone(),
            (Reading::CheckingQuarantine | Reading::ConfirmingAbsence, EffectResult::Reason(Some(reason))) => {
                self.decided(deployment, *reason, true)
            }
            (Reading::CheckingQuarantine, EffectResult::Reason(None)) => {
                let effect = Effect::Read(self.source.version.clone());
                self.perform(State::Reading(Reading::GettingObject), effect)
            }
            (Reading::GettingObject, EffectResult::Object(body)) => self.validate(deployment, &body, now),
            (Reading::GettingObject, EffectResult::Oversize { size }) => self.oversize(deployment, size),
            (Reading::GettingObject, EffectResult::NotRead(fault, obstacle)) => self.confirm_version(fault, obstacle),
            (Reading::ConfirmingVersion(failure), EffectResult::Version(Some(_))) => {
                self.version_exists(deployment, failure)
            }
            (Reading::ConfirmingVersion(_), EffectResult::Version(None)) => {
                // A delivery that quarantines the version writes the reason record before it deletes the version, so
                // that the record is looked for only now.
                let effect = Effect::CheckQuarantine(self.source.version.clone());
                self.perform(State::Reading(Reading::ConfirmingAbsence), effect)
            }
            (Reading::ConfirmingAbsence, EffectResult::Reason(None)) => self.gone(),
            (Reading::ConfirmingCustomerKey(fault), EffectResult::HeadRejected(true)) => {
                self.unreadable(deployment, Obstacle::CustomerKey, &fault)
            }
            (Reading::ConfirmingCustomerKey(fault), EffectResult::HeadRejected(false)) => Step::Fault(fault),
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }

    pub(super) fn check_quarantine(&mut self) -> Step {
        let effect = Effect::CheckQuarantine(self.source.version.clone());
        self.perform(State::Reading(Reading::CheckingQuarantine), effect)
    }

    /// After a failed read or copy: lists the version to find out whether it exists.
    pub(super) fn confirm_version(&mut self, fault: Fault, obstacle: Option<Obstacle>) -> Step {
        let ObjectVersion { key, version_id, .. } = self.source.version.clone();
        let effect = Effect::FindVersion { key, version_id: Some(version_id) };
        self.perform(State::Reading(Reading::ConfirmingVersion(ReadFailure { fault, obstacle })), effect)
    }

    /// The version that could not be read exists.
    fn version_exists(&mut self, deployment: &Deployment, failure: ReadFailure) -> Step {
        let ReadFailure { fault, obstacle } = failure;
        match obstacle {
            None => Step::Fault(fault),
            Some(Obstacle::CustomerKey) => {
                let effect = Effect::InspectVersion(self.source.version.clone());
                self.perform(State::Reading(Reading::ConfirmingCustomerKey(fault)), effect)
            }
            Some(obstacle) => self.unreadable(deployment, obstacle, &fault),
        }
    }

    fn gone(&self) -> Step {
        Step::Done(Box::new(self.verdict(Outcome::Gone)))
    }

    fn unreadable(&mut self, deployment: &Deployment, obstacle: Obstacle, fault: &Fault) -> Step {
        let reasons = vec![Problem::unreadable(obstacle, fault)];
        self.finish(deployment, Verdict { reasons, ..self.verdict(Outcome::Unreadable) })
    }

    fn oversize(&mut self, deployment: &Deployment, size: u64) -> Step {
        self.source.size = Some(size);
        let limit = deployment.max_object_bytes;
        let message = format!("the object has {size} bytes; the limit is {limit}");
        let reasons = vec![Problem::new("", "object-size", message)];
        if size > MAX_COPY_BYTES {
            return self.finish(deployment, Verdict { reasons, ..self.verdict(Outcome::TooLarge) });
        }
        self.quarantine(Outcome::Invalid, reasons, None)
    }

    fn validate(&mut self, deployment: &Deployment, body: &ObjectBody, now: Timestamp) -> Step {
        if body.bytes.is_empty() && self.source.version.key.ends_with('/') {
            return self.skipped("a folder marker");
        }
        self.source.size = Some(body.bytes.len() as u64);
        self.source.sha256 = Some(body.sha256.clone());
        self.source.etag = body.etag.clone().or(self.source.etag.take());
        match deployment.validator.validate(&body.bytes, &self.source, now) {
            Ok(item) => self.store(item),
            Err(invalid) => self.invalid(invalid),
        }
    }
}
