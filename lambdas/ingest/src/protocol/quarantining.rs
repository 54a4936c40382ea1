//! A version is copied to quarantine, the copy is verified, and the reason record is written.

use lambda_support::Fault;
use lambda_support::protocol::unexpected;
use sluice_types::Timestamp;

use super::state::{Decision, Quarantining, State};
use super::{IngestProtocol, Step};
use crate::deployment::Deployment;
use crate::effect::{CopyDigest, Effect, EffectResult};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::quarantine::ReasonRecord;
use crate::source::Source;

impl IngestProtocol {
    pub(super) fn quarantining(
        &mut self,
        deployment: &Deployment,
        state: Quarantining,
        result: EffectResult,
        now: Timestamp,
    ) -> Step {
        match (state, result) {
            (Quarantining::ListingQuarantine(_), EffectResult::Quarantined { reason: true, .. }) => {
                self.check_quarantine()
            }
            (Quarantining::ListingQuarantine(decision), EffectResult::Quarantined { copy: true, .. }) => {
                self.inspect_copy(decision, false)
            }
            (Quarantining::ListingQuarantine(decision), EffectResult::Quarantined { .. }) => self.copy(decision),
            (Quarantining::CopyingVersion(decision), EffectResult::Done) => self.inspect_copy(decision, true),
            (Quarantining::CopyingVersion(_), EffectResult::NotRead(fault, obstacle)) => {
                self.confirm_version(fault, obstacle)
            }
            (Quarantining::InspectingCopy { decision, copied }, EffectResult::Copied(copy)) => {
                match copy.filter(|copy| self.is_complete(copy)) {
                    Some(copy) => self.write_reason(decision, copy, now),
                    None if copied => {
                        let why = "the copy differs from the source; the source was not deleted";
                        Step::Fault(Fault::new("InspectCopy", why))
                    }
                    None => self.copy(decision),
                }
            }
            (Quarantining::WritingReason(reason), EffectResult::Done) => self.decided(deployment, *reason, false),
            (Quarantining::WritingReason(_), EffectResult::ReasonExists) => self.check_quarantine(),
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }

    pub(super) fn quarantine(&mut self, outcome: Outcome, reasons: Vec<Problem>, other: Option<Source>) -> Step {
        let decision = Decision { outcome, reasons, other };
        let effect = Effect::SeeQuarantine(self.source.version.clone());
        self.perform(State::Quarantining(Quarantining::ListingQuarantine(decision)), effect)
    }

    fn copy(&mut self, decision: Decision) -> Step {
        let effect = Effect::Copy(self.source.version.clone());
        self.perform(State::Quarantining(Quarantining::CopyingVersion(decision)), effect)
    }

    fn inspect_copy(&mut self, decision: Decision, copied: bool) -> Step {
        let effect = Effect::InspectCopy(self.source.version.clone());
        self.perform(State::Quarantining(Quarantining::InspectingCopy { decision, copied }), effect)
    }

    /// Whether a copy has the size of the source, and its SHA-256 where that is known.
    fn is_complete(&self, copy: &CopyDigest) -> bool {
        Some(copy.size) == self.source.size && self.source.sha256.as_ref().is_none_or(|known| *known == copy.sha256)
    }

    fn write_reason(&mut self, decision: Decision, copy: CopyDigest, now: Timestamp) -> Step {
        self.source.sha256 = Some(copy.sha256);
        let reason = Box::new(ReasonRecord {
            outcome: decision.outcome,
            reasons: decision.reasons,
            source: self.source.clone(),
            other: decision.other,
            quarantined_at: now.to_string(),
            request_id: self.request_id.clone(),
        });
        let effect = Effect::WriteReason(reason.clone());
        self.perform(State::Quarantining(Quarantining::WritingReason(reason)), effect)
    }
}
