//! Explores every crash point of two interleaved deliveries, while the owner of the object may change it.
//!
//! A state consists of the deployment and both deliveries. From each state every next event is tried: the call of a
//! delivery succeeds, fails, or takes effect without a response (which also models a crash). After a failure the message
//! is delivered again. The time may be up at any `Hash`, and at any moment the owner may make one change.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use lambda_support::Arrival;
use lambda_support::{Protocol, Step, StepOf};
use provenance::effect::{Effect, EffectResult};
use provenance::protocol::{Outcome, ReceiptProtocol, Verdict};
use sluice_types::{ObjectVersion, Receipt, ReceiptState};
use support::{Deployment, IN, START, arrival, check_verdict, perform, records, version, watched};

const KEY: &str = "incoming/a";
const FIRST: &[u8] = b"first";
const SECOND: &[u8] = b"second";

#[derive(Clone, Hash)]
enum Delivery {
    Running(Box<ReceiptProtocol>, Box<Effect>),
    Finished(Box<Verdict>),
}

/// A change by the owner of the object.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum OwnerChange {
    DeleteVersion,
    Overwrite,
    HideByMarker,
}

#[derive(Clone, Hash)]
struct State {
    deployment: Deployment,
    deliveries: [Delivery; 2],
    faults_left: u8,
    change: Option<OwnerChange>,
}

struct Explorer {
    event: Arrival,
    may_run_out_of_time: bool,
    visited: HashSet<u64>,
    checked: HashSet<u64>,
    outcomes: BTreeSet<Outcome>,
}

impl Explorer {
    fn begin(&self) -> Delivery {
        let (protocol, step) = ReceiptProtocol::start(self.event.clone(), &watched(), START);
        after(protocol, step)
    }

    fn explore(&mut self, first: State) {
        let mut waiting = vec![first];
        while let Some(state) = waiting.pop() {
            if !self.visited.insert(fingerprint(&state)) {
                continue;
            }
            if self.checked.insert(hash(&state.deployment.s3)) {
                records(&state.deployment, bytes_of);
            }
            let mut is_running = false;
            for at in 0..2 {
                if let Delivery::Running(protocol, effect) = &state.deliveries[at] {
                    is_running = true;
                    self.explore_delivery(&state, at, protocol, effect, &mut waiting);
                }
            }
            if !is_running {
                self.finish(&state);
            } else if let Some(change) = state.change {
                let mut next = state.clone();
                next.change = None;
                let s3 = &mut next.deployment.s3;
                match change {
                    OwnerChange::DeleteVersion => s3.delete(IN, KEY, Some("v1")),
                    OwnerChange::HideByMarker => s3.delete(IN, KEY, None),
                    OwnerChange::Overwrite => {
                        s3.put(IN, KEY, SECOND, false).unwrap();
                    }
                }
                waiting.push(next);
            }
        }
    }

    fn explore_delivery(
        &self,
        state: &State,
        at: usize,
        protocol: &ReceiptProtocol,
        effect: &Effect,
        waiting: &mut Vec<State>,
    ) {
        let mut push = |mut next: State, result: EffectResult| {
            let mut protocol = protocol.clone();
            let step = protocol.next(&watched(), result, next.deployment.now());
            // After a fault the message is delivered again.
            next.deliveries[at] = match step {
                Step::Fault(_) => self.begin(),
                step => after(protocol, step),
            };
            waiting.push(next);
        };
        let mut performed = state.clone();
        let result = perform(&mut performed.deployment, effect);
        let response_lost = performed.clone();
        push(performed, result);
        if self.may_run_out_of_time && matches!(effect, Effect::Hash(..)) {
            push(state.clone(), EffectResult::OutOfTime);
        }
        if state.faults_left > 0 {
            for mut next in [response_lost, state.clone()] {
                next.deliveries[at] = self.begin();
                next.faults_left -= 1;
                waiting.push(next);
            }
        }
    }

    /// Both deliveries are finished: their verdicts are true, and the version has exactly one final record.
    fn finish(&mut self, state: &State) {
        let records = records(&state.deployment, bytes_of);
        for delivery in &state.deliveries {
            let Delivery::Finished(verdict) = delivery else {
                panic!("not finished");
            };
            check_verdict(&state.deployment, verdict);
            self.outcomes.insert(verdict.outcome);
            let version_id = &verdict.version.version_id;
            let is_final =
                |record: &&Receipt| record.version_id == *version_id && record.state != ReceiptState::Deferred;
            let final_records = records.iter().filter(is_final).count();
            assert!(final_records == 1 || final_records == 0 && verdict.outcome == Outcome::Deferred);
        }
    }
}

/// The bytes that each version had.
fn bytes_of(version: &ObjectVersion) -> Option<Vec<u8>> {
    match version.version_id.as_str() {
        "v1" => Some(FIRST.to_vec()),
        "" => None,
        _ => Some(SECOND.to_vec()),
    }
}

fn after(protocol: ReceiptProtocol, step: StepOf<ReceiptProtocol>) -> Delivery {
    match step {
        Step::Perform(effect) => Delivery::Running(Box::new(protocol), Box::new(effect)),
        Step::Done(verdict) => Delivery::Finished(verdict),
        Step::Fault(fault) => panic!("{fault}"),
    }
}

/// Equal for two states whose deliveries are only swapped: both deliver the same event.
fn fingerprint(state: &State) -> u64 {
    let [one, other] = &state.deliveries;
    let mut both = [hash(one), hash(other)];
    both.sort_unstable();
    hash(&(&state.deployment, state.faults_left, state.change, both))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What the event says about its version.
#[derive(Clone, Copy, PartialEq)]
enum Event {
    WithVersionId,
    WithEtag,
    KeyOnly,
}

/// Explores two deliveries of an event about the first version; returns all outcomes.
fn outcomes(event: Event, change: Option<OwnerChange>, may_run_out_of_time: bool) -> BTreeSet<Outcome> {
    // Each delivery can fail once; if the event has a version-id, one of them twice.
    let faults_left = if event == Event::WithVersionId { 3 } else { 2 };
    let mut deployment = Deployment::default();
    let named = deployment.put(KEY, FIRST);
    let etag = support::etag(deployment.s3.get(IN, KEY, None).unwrap());
    let event = match event {
        Event::WithVersionId => arrival(&named, None),
        Event::WithEtag => arrival(&version(KEY, ""), Some(&etag)),
        Event::KeyOnly => arrival(&version(KEY, ""), None),
    };
    let mut explorer = Explorer {
        event,
        may_run_out_of_time,
        visited: HashSet::new(),
        checked: HashSet::new(),
        outcomes: BTreeSet::new(),
    };
    let first = State { deliveries: [explorer.begin(), explorer.begin()], deployment, faults_left, change };
    explorer.explore(first);
    explorer.outcomes
}

fn set<const N: usize>(outcomes: [Outcome; N]) -> BTreeSet<Outcome> {
    outcomes.into()
}

#[test]
fn a_version_that_does_not_change_is_recorded_once() {
    for event in [Event::WithVersionId, Event::WithEtag, Event::KeyOnly] {
        assert_eq!(outcomes(event, None, false), set([Outcome::Recorded, Outcome::Known]));
    }
}

#[test]
fn a_version_that_is_deferred_can_be_recorded_later() {
    let found = outcomes(Event::WithVersionId, None, true);
    assert_eq!(found, set([Outcome::Recorded, Outcome::Known, Outcome::Deferred]));
}

#[test]
fn a_version_that_its_owner_deletes_is_recorded_or_gone() {
    for event in [Event::WithVersionId, Event::WithEtag, Event::KeyOnly] {
        let found = outcomes(event, Some(OwnerChange::DeleteVersion), false);
        assert_eq!(found, set([Outcome::Recorded, Outcome::Known, Outcome::Gone]));
    }
}

#[test]
fn a_version_that_its_owner_overwrites_or_hides_is_recorded_once() {
    for event in [Event::WithVersionId, Event::WithEtag, Event::KeyOnly] {
        for change in [OwnerChange::Overwrite, OwnerChange::HideByMarker] {
            assert_eq!(outcomes(event, Some(change), false), set([Outcome::Recorded, Outcome::Known]));
        }
    }
}
