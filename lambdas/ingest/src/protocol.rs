//! The protocol: facts in, next effect out. No client, clock or environment.
//!
//! Every effect is one AWS call and may fail, lose its answer or be the function's last; run again from the start,
//! the protocol comes to the same end. Two writes decide: the conditional put of the item, the put of the reason
//! record (only if there is none), and nothing else. A version with a reason record is never stored. Its source is
//! deleted last, after its copy was verified, its reason written and people told: as long as it is there, an event
//! that does not name the version still finds it, so no crash can swallow the notice.
//!
//! ```text
//! FindVersion (if the event has no version-id) -> CheckQuarantine
//!   decided before -> Notify -> DeleteSource -> done
//!   not decided    -> Read -> judge
//!     valid   -> Store -> stored | redelivered | duplicate | conflict
//!     invalid -> FindItem (if it has a key) -> redelivered, if it was stored under an earlier schema
//!     invalid, conflict -> SeeQuarantine -> Copy -> InspectCopy -> WriteReason -> Notify -> DeleteSource -> done
//!     not read -> FindVersion; not there -> CheckQuarantine -> gone, or decided by a delivery that read it
//!       there     -> unreadable, or a fault
//!       there, refused as without the uploader's key -> InspectVersion -> unreadable, or a fault
//! ```

mod state;

use lambda_support::aws::Obstacle;
use lambda_support::{Arrival, Fault};
use sluice_types::keys::PROJECT_PREFIX;
use sluice_types::object::MAX_COPY_BYTES;

use crate::effect::{Body, Effect, Facts, Outcome};
use crate::plan::Plan;
use crate::record::{End, Notice, Problem, Reason, Source};
use state::{Decision, NotRead, State};

/// How a version ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The end.
    pub end: End,
    /// The version, as far as it is known.
    pub source: Source,
    /// What is wrong, or why it was skipped.
    pub reasons: Vec<Problem>,
    /// The object that was first, for a duplicate or a conflict.
    pub other: Option<Source>,
    /// The event had no version-id; the latest was taken.
    pub pinned_late: bool,
    /// An earlier delivery had decided it.
    pub again: bool,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Perform this and come back with the outcome.
    Perform(Effect),
    /// The version has ended.
    Done(Box<Verdict>),
    /// The message goes back to the queue.
    Fault(Fault),
}

/// One delivery of one version on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    state: State,
    source: Source,
    request_id: Option<String>,
    now: String,
    pinned_late: bool,
}

impl Run {
    /// Begins a delivery at `now` (RFC 3339).
    #[must_use]
    pub fn start(arrival: Arrival, now: String, plan: &Plan) -> (Self, Step) {
        let mut run = Self {
            state: State::Ended,
            pinned_late: arrival.version_id.is_none(),
            source: Source {
                bucket: arrival.bucket,
                key: arrival.key,
                version_id: arrival.version_id.unwrap_or_default(),
                etag: arrival.etag,
                size: arrival.size,
                sha256: None,
                sequencer: arrival.sequencer,
            },
            request_id: arrival.request_id,
            now,
        };
        let step = run.first(plan);
        (run, step)
    }

    fn first(&mut self, plan: &Plan) -> Step {
        if self.source.bucket != plan.bucket {
            let why = format!("an event of bucket `{}`; this function serves `{}`", self.source.bucket, plan.bucket);
            return Step::Fault(Fault::new("start", why));
        }
        if self.source.key.starts_with(PROJECT_PREFIX) {
            return self.skipped("the project's own object");
        }
        if !self.source.key.starts_with(&plan.prefix) {
            return self.skipped("outside the prefix");
        }
        if self.pinned_late {
            let effect = Effect::FindVersion { key: self.source.key.clone(), version_id: None };
            return self.to(State::Pinning, effect);
        }
        self.check()
    }

    /// Takes the outcome of the effect that was asked for last.
    pub fn next(&mut self, plan: &Plan, outcome: Outcome) -> Step {
        let state = std::mem::replace(&mut self.state, State::Ended);
        match (state, outcome) {
            (State::Pinning, Outcome::Found(Some(found))) => {
                self.source.version_id = found.version.version_id;
                self.source.size = Some(found.attributes.size);
                self.source.etag = found.attributes.etag;
                self.check()
            }
            (State::Pinning, Outcome::Found(None)) => self.done(End::Gone),
            // Only now: whoever moves a version to quarantine writes the reason before the version goes.
            (State::Confirming(_), Outcome::Found(None)) => {
                let effect = Effect::CheckQuarantine(self.source.clone());
                self.to(State::Missing, effect)
            }
            (State::Missing, Outcome::Decided(None)) => self.done(End::Gone),
            (State::Missing, Outcome::Decided(Some(reason))) => self.decided(plan, *reason, true),
            (State::Confirming(not_read), Outcome::Found(Some(_))) => self.there(plan, not_read),
            (State::ConfirmingKey(fault), Outcome::HeadRefused(true)) => {
                self.unreadable(plan, Obstacle::CustomerKey, &fault)
            }
            (State::ConfirmingKey(fault), Outcome::HeadRefused(false)) => Step::Fault(fault),
            (State::Checking, Outcome::Decided(decided)) => self.checked(plan, decided),
            (State::Reading, Outcome::Body(body)) => self.read(plan, &body),
            (State::Reading, Outcome::Oversize { size }) => self.oversize(plan, size),
            (State::Reading | State::Copying(_), Outcome::NotRead(fault, obstacle)) => {
                let effect = Effect::FindVersion {
                    key: self.source.key.clone(),
                    version_id: Some(self.source.version_id.clone()),
                };
                self.to(State::Confirming(NotRead { fault, obstacle }), effect)
            }
            (State::Storing, Outcome::Stored) => self.tell(plan, self.verdict(End::Stored)),
            (State::Storing, Outcome::Occupied(other)) => self.occupied(plan, other),
            (State::Looking(problems), Outcome::Occupied(found)) => match found {
                Some(own) if own.same_version(&self.source) => self.tell(plan, self.verdict(End::Redelivered)),
                _ => self.quarantine(End::Invalid, problems, None),
            },
            (State::Storing, Outcome::Refused(why)) => {
                self.quarantine(End::Invalid, vec![Problem::new("", "dynamodb", why)], None)
            }
            (State::Listing(_), Outcome::Seen { reason: true, .. }) => self.check(),
            (State::Listing(decision), Outcome::Seen { copy: true, .. }) => self.inspect(decision, false),
            (State::Listing(decision), Outcome::Seen { .. }) => self.copy(decision),
            (State::Copying(decision), Outcome::Done) => self.inspect(decision, true),
            (State::Inspecting { decision, copied }, Outcome::Inspected(facts)) => {
                self.inspected(decision, copied, facts)
            }
            (State::Writing(reason), Outcome::Done) => self.decided(plan, *reason, false),
            (State::Writing(_), Outcome::WrittenBefore) => self.check(),
            (State::Notifying(verdict), Outcome::Done) => self.told(verdict),
            (State::Deleting(verdict), Outcome::Done) => Step::Done(verdict),
            (state, outcome) => {
                let why = format!("no way from {state:?} by {outcome:?}");
                Step::Fault(Fault::new("protocol", why))
            }
        }
    }

    /// The version this delivery is about, as far as it is known.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    fn to(&mut self, state: State, effect: Effect) -> Step {
        self.state = state;
        Step::Perform(effect)
    }

    fn check(&mut self) -> Step {
        let effect = Effect::CheckQuarantine(self.source.clone());
        self.to(State::Checking, effect)
    }

    fn checked(&mut self, plan: &Plan, decided: Option<Box<Reason>>) -> Step {
        if let Some(reason) = decided {
            return self.decided(plan, *reason, true);
        }
        let effect = Effect::Read(self.source.clone());
        self.to(State::Reading, effect)
    }

    /// The version that could not be read is there.
    fn there(&mut self, plan: &Plan, not_read: NotRead) -> Step {
        let NotRead { fault, obstacle } = not_read;
        match obstacle {
            None => Step::Fault(fault),
            Some(Obstacle::CustomerKey) => {
                let effect = Effect::InspectVersion(self.source.clone());
                self.to(State::ConfirmingKey(fault), effect)
            }
            Some(obstacle) => self.unreadable(plan, obstacle, &fault),
        }
    }

    fn unreadable(&mut self, plan: &Plan, obstacle: Obstacle, fault: &Fault) -> Step {
        let verdict = Verdict { reasons: vec![Problem::unreadable(obstacle, fault)], ..self.verdict(End::Unreadable) };
        self.tell(plan, verdict)
    }

    fn read(&mut self, plan: &Plan, body: &Body) -> Step {
        if body.bytes.is_empty() && self.source.key.ends_with('/') {
            return self.skipped("a folder marker");
        }
        self.source.size = Some(body.bytes.len() as u64);
        self.source.sha256 = Some(body.sha256.clone());
        self.source.etag = body.etag.clone().or(self.source.etag.take());
        match plan.rules.judge(&body.bytes, &self.source, &self.now) {
            Ok(item) => self.to(State::Storing, Effect::Store(item)),
            Err(problems) => match plan.rules.claimed_key(&body.bytes) {
                Some(key) => self.to(State::Looking(problems), Effect::FindItem(key)),
                None => self.quarantine(End::Invalid, problems, None),
            },
        }
    }

    fn oversize(&mut self, plan: &Plan, size: u64) -> Step {
        self.source.size = Some(size);
        let limit = plan.max_bytes;
        let message = format!("{size} bytes; an object may have at most {limit}");
        let problems = vec![Problem::new("", "object-size", message)];
        if size > MAX_COPY_BYTES {
            let verdict = Verdict { reasons: problems, ..self.verdict(End::TooLarge) };
            return self.tell(plan, verdict);
        }
        self.quarantine(End::Invalid, problems, None)
    }

    fn occupied(&mut self, plan: &Plan, other: Option<Source>) -> Step {
        let same_bytes = |o: &Source| o.sha256.is_some() && o.sha256 == self.source.sha256;
        match other {
            Some(o) if o.same_version(&self.source) => self.tell(plan, self.verdict(End::Redelivered)),
            Some(o) if same_bytes(&o) => {
                let verdict = Verdict { other: Some(o), ..self.verdict(End::Duplicate) };
                self.tell(plan, verdict)
            }
            other => {
                let message = "an item with this key and other content is in the table";
                let problems = vec![Problem::new("", "conflict", message)];
                self.quarantine(End::Conflict, problems, other)
            }
        }
    }

    fn quarantine(&mut self, end: End, reasons: Vec<Problem>, other: Option<Source>) -> Step {
        let decision = Decision { end, reasons, other };
        let effect = Effect::SeeQuarantine(self.source.clone());
        self.to(State::Listing(decision), effect)
    }

    fn copy(&mut self, decision: Decision) -> Step {
        let effect = Effect::Copy(self.source.clone());
        self.to(State::Copying(decision), effect)
    }

    fn inspect(&mut self, decision: Decision, copied: bool) -> Step {
        let effect = Effect::InspectCopy(self.source.clone());
        self.to(State::Inspecting { decision, copied }, effect)
    }

    fn inspected(&mut self, decision: Decision, copied: bool, facts: Option<Facts>) -> Step {
        let whole = |f: &Facts| {
            let known = self.source.sha256.as_ref();
            Some(f.size) == self.source.size && f.sha256.as_ref().is_some_and(|s| known.is_none_or(|k| k == s))
        };
        match facts {
            Some(facts) if whole(&facts) => {
                self.source.sha256 = facts.sha256;
                let reason = Box::new(Reason {
                    end: decision.end,
                    reasons: decision.reasons,
                    source: self.source.clone(),
                    other: decision.other,
                    quarantined_at: self.now.clone(),
                    request_id: self.request_id.clone(),
                });
                let effect = Effect::WriteReason(reason.clone());
                self.to(State::Writing(reason), effect)
            }
            _ if copied => {
                let why = "the copy is not the source; nothing was deleted";
                Step::Fault(Fault::new("InspectCopy", why))
            }
            _ => self.copy(decision),
        }
    }

    /// The reason record is written, by this delivery or an earlier one: what remains is to tell and to delete.
    fn decided(&mut self, plan: &Plan, reason: Reason, again: bool) -> Step {
        let verdict = Verdict {
            end: reason.end,
            source: reason.source,
            reasons: reason.reasons,
            other: reason.other,
            pinned_late: self.pinned_late,
            again,
        };
        self.tell(plan, verdict)
    }

    fn told(&mut self, verdict: Box<Verdict>) -> Step {
        if !verdict.end.quarantined() {
            return Step::Done(verdict);
        }
        let effect = Effect::DeleteSource(self.source.clone());
        self.to(State::Deleting(verdict), effect)
    }

    fn verdict(&self, end: End) -> Verdict {
        Verdict {
            end,
            source: self.source.clone(),
            reasons: Vec::new(),
            other: None,
            pinned_late: self.pinned_late,
            again: false,
        }
    }

    fn done(&mut self, end: End) -> Step {
        Step::Done(Box::new(self.verdict(end)))
    }

    fn skipped(&mut self, why: &str) -> Step {
        let reasons = vec![Problem::new("", "skipped", why)];
        Step::Done(Box::new(Verdict { reasons, ..self.verdict(End::Skipped) }))
    }

    /// Ends with a notice, if people want to know. The notice of a stored item is repeated when it is redelivered:
    /// the first delivery may have ended between the put and the notice.
    fn tell(&mut self, plan: &Plan, verdict: Verdict) -> Step {
        let told = match verdict.end {
            End::Redelivered if plan.notify_on.contains(&End::Stored) => End::Stored,
            end => end,
        };
        if !plan.notify_on.contains(&told) {
            return self.told(Box::new(verdict));
        }
        let place = if told.quarantined() {
            format!("s3://{}/{}", plan.quarantine, verdict.source.copy_key())
        } else {
            format!("s3://{}/{}", plan.bucket, verdict.source.key)
        };
        let notice = Box::new(Notice {
            end: told,
            source: verdict.source.clone(),
            reasons: verdict.reasons.clone(),
            other: verdict.other.clone(),
            hint: place,
        });
        self.to(State::Notifying(Box::new(verdict)), Effect::Notify(notice))
    }
}
