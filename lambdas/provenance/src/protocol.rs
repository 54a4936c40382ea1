//! The protocol of one delivery: it decides which record of an object version is written.
//!
//! Every call may fail, lose its response or be the last one before the function stops. Started again, the protocol
//! comes to the same outcome. One write commits it: the conditional put of the record. The journal entry is written
//! before, so that the ledger misses no record. An entry whose record was never written, or was preceded by another
//! one, has no further effect.
//!
//! ```text
//! ResolveVersion (if the event has no version-id) -> CheckReceipt
//!   exists         -> known
//!   does not exist -> Inspect -> Hash
//!     hashed         -> WriteJournalEntry -> WriteRecord -> recorded
//!     out of time    -> WriteJournalEntry -> WriteRecord -> deferred
//!     not accessible -> ConfirmVersion
//!       not listed     -> WriteJournalEntry -> WriteRecord -> gone
//!       listed         -> a fault
//!     refused        -> ConfirmVersion
//!       not listed     -> WriteJournalEntry -> WriteRecord -> gone
//!       listed         -> WriteJournalEntry -> WriteRecord -> unreadable
//! ```

use lambda_support::protocol::unexpected;
use lambda_support::{Arrival, Fault, Protocol, StepOf};
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion, Receipt, ReceiptState, Record, Timestamp};

use crate::effect::{Effect, EffectResult};
use crate::record_writer::WriteResult;
use crate::watched::{Disposition, WatchedBucket, classify, is_folder_marker};

/// What became of an object version in this delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Its receipt was written.
    Recorded,
    /// Its receipt already existed.
    Known,
    /// It no longer existed when it was to be read; a record states that.
    Gone,
    /// Hashing it takes longer than the time left; a record states that.
    Deferred,
    /// S3 permanently refuses its bytes; a record states that and why.
    Unreadable,
    /// It is not recorded.
    Skipped,
}

/// The result of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// The version; its version-id is empty if it is not known.
    pub version: ObjectVersion,
    /// The record that this delivery wrote, or that existed when it was to be written.
    pub receipt: Option<Box<Receipt>>,
    /// Why the version was skipped.
    pub skip_reason: Option<&'static str>,
}

type Step = StepOf<ReceiptProtocol>;

/// The state of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReceiptProtocol {
    state: State,
    version: ObjectVersion,
    /// What S3 reported about the version.
    attributes: Option<ObjectAttributes>,
    /// ETag, size, time and sequencer in the event.
    etag: Option<String>,
    size: Option<u64>,
    event_time: Option<String>,
    sequencer: Option<String>,
    refusal: Option<String>,
    pinned_late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    ResolvingVersion,
    CheckingReceipt,
    Inspecting,
    Hashing,
    /// The version was not accessible; the fault of the call.
    ConfirmingAbsence(Fault),
    /// S3 refused the version; its error code.
    ConfirmingRefusal(String),
    WritingJournalEntry(Box<Receipt>),
    WritingRecord(Box<Receipt>),
    Finished,
}

impl Protocol for ReceiptProtocol {
    type Request = Arrival;
    type Config = Vec<WatchedBucket>;
    type Effect = Effect;
    type EffectResult = EffectResult;
    type Verdict = Box<Verdict>;

    fn start(arrival: Arrival, watched: &Vec<WatchedBucket>, _now: Timestamp) -> (Self, Step) {
        let mut protocol = Self {
            state: State::Finished,
            version: ObjectVersion {
                bucket: arrival.bucket,
                key: arrival.key,
                version_id: arrival.version_id.unwrap_or_default(),
            },
            attributes: None,
            etag: arrival.etag,
            size: arrival.size,
            event_time: arrival.time,
            sequencer: arrival.sequencer,
            refusal: None,
            pinned_late: false,
        };
        let step = protocol.first(watched);
        (protocol, step)
    }

    fn next(&mut self, _watched: &Vec<WatchedBucket>, result: EffectResult, now: Timestamp) -> Step {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, result) {
            (State::ResolvingVersion, EffectResult::Listed(listed)) => self.resolved(listed),
            (State::CheckingReceipt, EffectResult::ReceiptExists(exists)) => self.checked(exists, now),
            (State::Inspecting, EffectResult::Attributes(attributes)) => self.inspected(attributes),
            (State::Hashing, EffectResult::Hashed(sha256)) => self.record(ReceiptState::Hashed, Some(sha256), now),
            (State::Hashing, EffectResult::OutOfTime) => self.record(ReceiptState::Deferred, None, now),
            (State::Inspecting | State::Hashing, EffectResult::NotAccessible(fault)) => {
                self.confirm(State::ConfirmingAbsence(fault))
            }
            (State::Inspecting | State::Hashing, EffectResult::Refused(code)) => {
                self.confirm(State::ConfirmingRefusal(code))
            }
            (State::ConfirmingAbsence(_) | State::ConfirmingRefusal(_), EffectResult::Listed(None)) => {
                self.record(ReceiptState::Gone, None, now)
            }
            (State::ConfirmingAbsence(fault), EffectResult::Listed(Some(_))) => Step::Fault(fault),
            (State::ConfirmingRefusal(code), EffectResult::Listed(Some(_))) => {
                self.refusal = Some(code);
                self.record(ReceiptState::Unreadable, None, now)
            }
            (State::WritingJournalEntry(receipt), EffectResult::JournalEntryWritten) => {
                let effect = Effect::WriteRecord(receipt.clone());
                self.perform(State::WritingRecord(receipt), effect)
            }
            (State::WritingRecord(receipt), EffectResult::RecordWritten(written)) => self.recorded(receipt, written),
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }
}

impl ReceiptProtocol {
    /// The version of this delivery, as far as it is known.
    #[must_use]
    pub fn version(&self) -> &ObjectVersion {
        &self.version
    }

    fn first(&mut self, watched: &[WatchedBucket]) -> Step {
        let ObjectVersion { bucket, key, version_id } = &self.version;
        match classify(watched, bucket, key, self.size) {
            Disposition::Unwatched => {
                let reason = format!("the event is about bucket `{bucket}`, which is not watched");
                Step::Fault(Fault::new("start", reason))
            }
            Disposition::Skip(reason) => self.skip(reason),
            Disposition::Record if version_id.is_empty() => {
                let (bucket, key, etag) = (bucket.clone(), key.clone(), self.etag.clone());
                self.perform(State::ResolvingVersion, Effect::ResolveVersion { bucket, key, etag })
            }
            Disposition::Record => self.check(),
        }
    }

    fn perform(&mut self, state: State, effect: Effect) -> Step {
        self.state = state;
        Step::Perform(effect)
    }

    fn resolved(&mut self, listed: Option<ListedVersion>) -> Step {
        if let Some(listed) = listed {
            self.version = listed.version;
            self.pinned_late = true;
        }
        self.check()
    }

    fn check(&mut self) -> Step {
        let key = self.receipt(ReceiptState::Gone, Timestamp::UNIX_EPOCH).record_key();
        self.perform(State::CheckingReceipt, Effect::CheckReceipt(key))
    }

    fn checked(&mut self, receipt_exists: bool, now: Timestamp) -> Step {
        if receipt_exists {
            self.finish(Outcome::Known, None)
        } else if self.version.version_id.is_empty() {
            // The version-id could not be resolved: no such version exists.
            self.record(ReceiptState::Gone, None, now)
        } else {
            self.perform(State::Inspecting, Effect::Inspect(self.version.clone()))
        }
    }

    fn inspected(&mut self, attributes: ObjectAttributes) -> Step {
        if is_folder_marker(&self.version.key, Some(attributes.size)) {
            return self.skip("a folder marker");
        }
        self.attributes = Some(attributes.clone());
        self.perform(State::Hashing, Effect::Hash(self.version.clone(), attributes))
    }

    fn confirm(&mut self, state: State) -> Step {
        self.perform(state, Effect::ConfirmVersion(self.version.clone()))
    }

    fn record(&mut self, state: ReceiptState, sha256: Option<String>, recorded_at: Timestamp) -> Step {
        let receipt = Box::new(Receipt { sha256, ..self.receipt(state, recorded_at) });
        let effect = Effect::WriteJournalEntry(receipt.clone());
        self.perform(State::WritingJournalEntry(receipt), effect)
    }

    /// The receipt of what S3 and the event report, without a hash.
    fn receipt(&self, state: ReceiptState, recorded_at: Timestamp) -> Receipt {
        let receipt = Receipt::new(&self.version, self.attributes.as_ref(), state, recorded_at);
        Receipt {
            etag: receipt.etag.or_else(|| self.etag.clone()),
            size: receipt.size.or(self.size),
            event_time: self.event_time.clone(),
            sequencer: self.sequencer.clone(),
            reason: self.refusal.clone(),
            pinned_late: self.pinned_late,
            ..receipt
        }
    }

    fn recorded(&mut self, receipt: Box<Receipt>, written: WriteResult) -> Step {
        let outcome = match (receipt.state, written) {
            (ReceiptState::Deferred, _) => Outcome::Deferred,
            (ReceiptState::Unreadable, _) => Outcome::Unreadable,
            (ReceiptState::Hashed, WriteResult::Created) => Outcome::Recorded,
            (ReceiptState::Gone, WriteResult::Created) => Outcome::Gone,
            (ReceiptState::Hashed | ReceiptState::Gone, WriteResult::AlreadyExists) => Outcome::Known,
        };
        self.finish(outcome, Some(receipt))
    }

    fn finish(&mut self, outcome: Outcome, receipt: Option<Box<Receipt>>) -> Step {
        Step::Done(Box::new(Verdict { outcome, version: self.version.clone(), receipt, skip_reason: None }))
    }

    fn skip(&mut self, reason: &'static str) -> Step {
        let verdict = Verdict {
            outcome: Outcome::Skipped,
            version: self.version.clone(),
            receipt: None,
            skip_reason: Some(reason),
        };
        Step::Done(Box::new(verdict))
    }
}
