//! The outcome is known: the notice is published, and the source of a quarantined version is deleted.

use lambda_support::protocol::unexpected;

use super::state::{Finishing, State};
use super::{IngestProtocol, Step};
use crate::deployment::Deployment;
use crate::effect::{Effect, EffectResult};
use crate::notice::Notice;
use crate::outcome::Outcome;
use crate::quarantine::{ReasonRecord, copy_key};
use crate::verdict::Verdict;

impl IngestProtocol {
    pub(super) fn finishing(&mut self, state: Finishing, result: EffectResult) -> Step {
        match (state, result) {
            (Finishing::Notifying(verdict), EffectResult::Done) => self.notified(verdict),
            (Finishing::DeletingSource(verdict), EffectResult::Done) => Step::Done(verdict),
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }

    /// The reason record exists, written by this delivery or (`again`) by an earlier one.
    pub(super) fn decided(&mut self, deployment: &Deployment, reason: ReasonRecord, again: bool) -> Step {
        let verdict = Verdict {
            outcome: reason.outcome,
            source: reason.source,
            reasons: reason.reasons,
            other: reason.other,
            pinned_late: self.pinned_late,
            again,
        };
        self.finish(deployment, verdict)
    }

    /// Publishes the notice of an outcome that is in `NOTIFY_ON`. A redelivered item publishes the notice of a stored one
    /// again, because the first delivery may have stopped between storing the item and publishing.
    pub(super) fn finish(&mut self, deployment: &Deployment, verdict: Verdict) -> Step {
        let outcome = match verdict.outcome {
            Outcome::Redelivered if deployment.notify_on.contains(&Outcome::Stored) => Outcome::Stored,
            other => other,
        };
        if !deployment.notify_on.contains(&outcome) {
            return self.notified(Box::new(verdict));
        }
        let source = verdict.source.clone();
        let hint = if outcome.is_quarantined() {
            format!("s3://{}/{}", deployment.quarantine_bucket, copy_key(&source.version))
        } else {
            format!("s3://{}/{}", deployment.processing_bucket, source.version.key)
        };
        let (reasons, other) = (verdict.reasons.clone(), verdict.other.clone());
        let notice = Box::new(Notice { outcome, source, reasons, other, hint });
        self.perform(State::Finishing(Finishing::Notifying(Box::new(verdict))), Effect::Notify(notice))
    }

    fn notified(&mut self, verdict: Box<Verdict>) -> Step {
        if !verdict.outcome.is_quarantined() {
            return Step::Done(verdict);
        }
        let effect = Effect::DeleteSource(self.source.version.clone());
        self.perform(State::Finishing(Finishing::DeletingSource(verdict)), effect)
    }
}
