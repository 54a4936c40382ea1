//! The protocol: facts in, next effect out. No client, clock or environment.
//!
//! Every call may fail, lose its answer or be the function's last; run again from the start, the protocol comes to
//! the same end. One write decides: the conditional put of the record. It is announced in the journal before, so that
//! the ledger misses none; an announcement whose record lost to another, or never came, is only that.
//!
//! ```text
//! Pin (if the event has no version-id) -> CheckReceipt
//!   there     -> known
//!   not there -> Inspect -> Hash
//!     hashed     -> Announce -> Write -> recorded
//!     no time    -> Announce -> Write -> deferred
//!     absent     -> Confirm -> Announce -> Write -> gone; if the version is there, a fault
//!     refused    -> Confirm -> Announce -> Write -> unreadable; if the version is not there, gone
//! ```

use lambda_support::protocol::unexpected;
use lambda_support::{Arrival, Fault, Protocol, StepOf};
use sluice_types::{ObjectAttributes, ObjectVersion, Receipt, ReceiptState, Record, Timestamp};

use crate::effect::{Effect, EffectResult};
use crate::watch::{Concern, Watched, concern, is_marker};

/// How an arrival ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The version's receipt is written.
    Recorded,
    /// The version's receipt was there.
    Known,
    /// The version was gone before it was read; its record says so.
    Gone,
    /// The version is too long for the time there was; a record says so.
    Deferred,
    /// S3 refuses the version's bytes for good; a record says so, and why.
    Unreadable,
    /// It is not recorded.
    Skipped,
}

/// How an arrival ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// The end.
    pub end: End,
    /// The version; without a version-id if nobody knows it.
    pub version: ObjectVersion,
    /// What this delivery wrote, or found written when it came to write it.
    pub receipt: Option<Box<Receipt>>,
    /// Why it was skipped.
    pub why: Option<&'static str>,
}

type Step = StepOf<ReceiptProtocol>;

/// One delivery of one arrival on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReceiptProtocol {
    state: State,
    version: ObjectVersion,
    /// What is known of the version: from the event, then from S3.
    facts: Option<ObjectAttributes>,
    etag: Option<String>,
    size: Option<u64>,
    event_time: Option<String>,
    sequencer: Option<String>,
    reason: Option<String>,
    pinned_late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    Pinning,
    Checking,
    Inspecting,
    Hashing,
    Confirming(Fault),
    /// S3 refused the version for this reason.
    ConfirmingRefused(String),
    Announcing(Box<Receipt>),
    Writing(Box<Receipt>),
    Ended,
}

impl Protocol for ReceiptProtocol {
    type Request = Arrival;
    type Config = Vec<Watched>;
    type Effect = Effect;
    type EffectResult = EffectResult;
    type Verdict = Box<Verdict>;

    fn start(arrival: Arrival, watched: &Vec<Watched>, _now: Timestamp) -> (Self, Step) {
        let mut run = Self {
            state: State::Ended,
            version: ObjectVersion {
                bucket: arrival.bucket,
                key: arrival.key,
                version_id: arrival.version_id.unwrap_or_default(),
            },
            facts: None,
            etag: arrival.etag,
            size: arrival.size,
            event_time: arrival.time,
            sequencer: arrival.sequencer,
            reason: None,
            pinned_late: false,
        };
        let step = run.first(watched);
        (run, step)
    }

    fn next(&mut self, _watched: &Vec<Watched>, result: EffectResult, at: Timestamp) -> Step {
        let state = std::mem::replace(&mut self.state, State::Ended);
        match (state, result) {
            (State::Pinning, EffectResult::Found(Some(found))) => {
                self.version.version_id = found.version.version_id;
                self.pinned_late = true;
                self.check()
            }
            (State::Pinning, EffectResult::Found(None)) => self.check(),
            (State::Checking, EffectResult::Receipt(true)) => self.done(End::Known, None),
            (State::Checking, EffectResult::Receipt(false)) if self.version.version_id.is_empty() => {
                self.announce(ReceiptState::Gone, None, at)
            }
            (State::Checking, EffectResult::Receipt(false)) => {
                let effect = Effect::Inspect(self.version.clone());
                self.to(State::Inspecting, effect)
            }
            (State::Inspecting, EffectResult::Facts(facts)) => self.inspected(facts),
            (State::Hashing, EffectResult::Hashed(sha256)) => self.announce(ReceiptState::Hashed, Some(sha256), at),
            (State::Hashing, EffectResult::OutOfTime) => self.announce(ReceiptState::Deferred, None, at),
            (State::Inspecting | State::Hashing, EffectResult::Unreadable(fault)) => {
                let effect = Effect::Confirm(self.version.clone());
                self.to(State::Confirming(fault), effect)
            }
            (State::Inspecting | State::Hashing, EffectResult::Refused(reason)) => {
                let effect = Effect::Confirm(self.version.clone());
                self.to(State::ConfirmingRefused(reason), effect)
            }
            (State::Confirming(_) | State::ConfirmingRefused(_), EffectResult::Found(None)) => {
                self.announce(ReceiptState::Gone, None, at)
            }
            (State::ConfirmingRefused(reason), EffectResult::Found(Some(_))) => {
                self.reason = Some(reason);
                self.announce(ReceiptState::Unreadable, None, at)
            }
            (State::Confirming(fault), EffectResult::Found(Some(_))) => Step::Fault(fault),
            (State::Announcing(receipt), EffectResult::Done) => {
                let effect = Effect::Write(receipt.clone());
                self.to(State::Writing(receipt), effect)
            }
            (State::Writing(receipt), EffectResult::Done) => {
                let end = match receipt.state {
                    ReceiptState::Hashed => End::Recorded,
                    ReceiptState::Gone => End::Gone,
                    ReceiptState::Deferred => End::Deferred,
                    ReceiptState::Unreadable => End::Unreadable,
                };
                self.done(end, Some(receipt))
            }
            (State::Writing(receipt), EffectResult::WrittenBefore) => {
                let end = match receipt.state {
                    ReceiptState::Deferred => End::Deferred,
                    ReceiptState::Unreadable => End::Unreadable,
                    ReceiptState::Hashed | ReceiptState::Gone => End::Known,
                };
                self.done(end, Some(receipt))
            }
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }
}

impl ReceiptProtocol {
    /// The version this delivery is about, as far as it is known.
    #[must_use]
    pub fn version(&self) -> &ObjectVersion {
        &self.version
    }

    fn first(&mut self, watched: &[Watched]) -> Step {
        let ObjectVersion { bucket, key, .. } = &self.version;
        match concern(watched, bucket, key, self.size) {
            Concern::Foreign => {
                let why = format!("an event of bucket `{bucket}`, which is not watched");
                Step::Fault(Fault::new("start", why))
            }
            Concern::Skip(why) => self.skipped(why),
            Concern::Record if self.version.version_id.is_empty() => {
                let effect = Effect::Pin { bucket: bucket.clone(), key: key.clone(), etag: self.etag.clone() };
                self.to(State::Pinning, effect)
            }
            Concern::Record => self.check(),
        }
    }

    fn to(&mut self, state: State, effect: Effect) -> Step {
        self.state = state;
        Step::Perform(effect)
    }

    fn check(&mut self) -> Step {
        let key = self.receipt(ReceiptState::Gone, Timestamp::UNIX_EPOCH).record_key();
        self.to(State::Checking, Effect::CheckReceipt(key))
    }

    fn inspected(&mut self, facts: ObjectAttributes) -> Step {
        if is_marker(&self.version.key, Some(facts.size)) {
            return self.skipped("a folder marker");
        }
        self.facts = Some(facts.clone());
        let effect = Effect::Hash(self.version.clone(), facts);
        self.to(State::Hashing, effect)
    }

    fn announce(&mut self, says: ReceiptState, sha256: Option<String>, at: Timestamp) -> Step {
        let receipt = Box::new(Receipt { sha256, ..self.receipt(says, at) });
        let effect = Effect::Announce(receipt.clone());
        self.to(State::Announcing(receipt), effect)
    }

    fn receipt(&self, says: ReceiptState, at: Timestamp) -> Receipt {
        let receipt = Receipt::new(&self.version, self.facts.as_ref(), says, at);
        Receipt {
            etag: receipt.etag.or_else(|| self.etag.clone()),
            size: receipt.size.or(self.size),
            event_time: self.event_time.clone(),
            sequencer: self.sequencer.clone(),
            reason: self.reason.clone(),
            pinned_late: self.pinned_late,
            ..receipt
        }
    }

    fn done(&mut self, end: End, receipt: Option<Box<Receipt>>) -> Step {
        Step::Done(Box::new(Verdict { end, version: self.version.clone(), receipt, why: None }))
    }

    fn skipped(&mut self, why: &'static str) -> Step {
        Step::Done(Box::new(Verdict {
            end: End::Skipped,
            version: self.version.clone(),
            receipt: None,
            why: Some(why),
        }))
    }
}
