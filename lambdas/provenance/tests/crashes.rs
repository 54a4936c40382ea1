//! Every crash point, with two deliveries interleaved in every way, and the owner at work all the while.
//!
//! A state is the world and both deliveries. From each, every next thing is tried: a delivery's call succeeds, fails,
//! or has its effect and loses its answer (which is also where a crash shows); after either trouble the message comes
//! again from the start. The time may be over at any hash, and at any moment the owner may do his one deed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod world;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use lambda_support::Arrival;
use lambda_support::{Protocol, Step, StepOf};
use provenance::effect::{Effect, EffectResult};
use provenance::protocol::{End, ReceiptProtocol, Verdict};
use sluice_types::{ObjectVersion, ReceiptState};
use world::{IN, START, World, agrees, arrival, perform, records, version, watched};

const KEY: &str = "incoming/a";
const FIRST: &[u8] = b"first";
const SECOND: &[u8] = b"second";

#[derive(Clone, Hash)]
enum Delivery {
    Running(Box<ReceiptProtocol>, Box<Effect>),
    Ended(Box<Verdict>),
}

/// What the owner does, once, whenever he likes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Deed {
    DeleteVersion,
    Overwrite,
    HideByMarker,
}

#[derive(Clone, Hash)]
struct State {
    world: World,
    deliveries: [Delivery; 2],
    troubles: u8,
    deed: Option<Deed>,
}

struct Explorer {
    event: Arrival,
    time_may_end: bool,
    seen: HashSet<u64>,
    worlds: HashSet<u64>,
    ends: BTreeSet<End>,
}

impl Explorer {
    fn begin(&self) -> Delivery {
        let (run, step) = ReceiptProtocol::start(self.event.clone(), &watched(), START);
        after(run, step)
    }

    fn explore(&mut self, first: State) {
        let mut waiting = vec![first];
        while let Some(state) = waiting.pop() {
            if !self.seen.insert(fingerprint(&state)) {
                continue;
            }
            if self.worlds.insert(hash(&state.world.s3)) {
                records(&state.world, was);
            }
            let mut open = false;
            for at in 0..2 {
                if let Delivery::Running(run, effect) = &state.deliveries[at] {
                    open = true;
                    self.branches(&state, at, run, effect, &mut waiting);
                }
            }
            if !open {
                self.finish(&state);
            } else if let Some(deed) = state.deed {
                let mut next = state.clone();
                next.deed = None;
                let s3 = &mut next.world.s3;
                match deed {
                    Deed::DeleteVersion => s3.delete(IN, KEY, Some("v1")),
                    Deed::HideByMarker => s3.delete(IN, KEY, None),
                    Deed::Overwrite => {
                        s3.put(IN, KEY, SECOND, false).unwrap();
                    }
                }
                waiting.push(next);
            }
        }
    }

    fn branches(&self, state: &State, at: usize, run: &ReceiptProtocol, effect: &Effect, waiting: &mut Vec<State>) {
        let mut push = |mut next: State, outcome: EffectResult| {
            let mut run = run.clone();
            let step = run.next(&watched(), outcome, next.world.now());
            // A fault returns the message; it comes again.
            next.deliveries[at] = match step {
                Step::Fault(_) => self.begin(),
                step => after(run, step),
            };
            waiting.push(next);
        };
        let mut fine = state.clone();
        let outcome = perform(&mut fine.world, effect);
        let answered = fine.clone();
        push(fine, outcome);
        if self.time_may_end && matches!(effect, Effect::Hash(..)) {
            push(state.clone(), EffectResult::OutOfTime);
        }
        if state.troubles > 0 {
            for mut next in [answered, state.clone()] {
                next.deliveries[at] = self.begin();
                next.troubles -= 1;
                waiting.push(next);
            }
        }
    }

    /// Both deliveries have ended: what they say is true, and the version they found has its one record.
    fn finish(&mut self, state: &State) {
        let records = records(&state.world, was);
        for delivery in &state.deliveries {
            let Delivery::Ended(verdict) = delivery else {
                panic!("not ended");
            };
            agrees(&state.world, verdict);
            self.ends.insert(verdict.end);
            let whole = records
                .iter()
                .filter(|r| r.version_id == verdict.version.version_id && r.state != ReceiptState::Deferred);
            let whole = whole.count();
            assert!(whole == 1 || whole == 0 && verdict.end == End::Deferred);
        }
    }
}

/// The bytes of each version there ever was.
fn was(version: &ObjectVersion) -> Option<Vec<u8>> {
    match version.version_id.as_str() {
        "v1" => Some(FIRST.to_vec()),
        "" => None,
        _ => Some(SECOND.to_vec()),
    }
}

fn after(run: ReceiptProtocol, step: StepOf<ReceiptProtocol>) -> Delivery {
    match step {
        Step::Perform(effect) => Delivery::Running(Box::new(run), Box::new(effect)),
        Step::Done(verdict) => Delivery::Ended(verdict),
        Step::Fault(fault) => panic!("{fault}"),
    }
}

/// The same for two states that differ only in which delivery is which: both are of one event.
fn fingerprint(state: &State) -> u64 {
    let [one, other] = &state.deliveries;
    let mut both = [hash(one), hash(other)];
    both.sort_unstable();
    hash(&(&state.world, state.troubles, state.deed, both))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// How the event speaks of its version.
#[derive(Clone, Copy, PartialEq)]
enum Event {
    Named,
    WithEtag,
    Bare,
}

/// Explores two deliveries of the first version's event; returns the ends seen.
fn ends(event: Event, deed: Option<Deed>, time_may_end: bool) -> BTreeSet<End> {
    // Enough for each delivery to fail; where the event names its version, for one of them to fail twice.
    let troubles = if event == Event::Named { 3 } else { 2 };
    let mut world = World::default();
    let named = world.put(KEY, FIRST);
    let etag = world::etag(world.s3.get(IN, KEY, None).unwrap());
    let event = match event {
        Event::Named => arrival(&named, None),
        Event::WithEtag => arrival(&version(KEY, ""), Some(&etag)),
        Event::Bare => arrival(&version(KEY, ""), None),
    };
    let mut explorer =
        Explorer { event, time_may_end, seen: HashSet::new(), worlds: HashSet::new(), ends: BTreeSet::new() };
    let first = State { deliveries: [explorer.begin(), explorer.begin()], world, troubles, deed };
    explorer.explore(first);
    explorer.ends
}

fn set<const N: usize>(ends: [End; N]) -> BTreeSet<End> {
    ends.into()
}

#[test]
fn a_version_that_stays() {
    for event in [Event::Named, Event::WithEtag, Event::Bare] {
        assert_eq!(ends(event, None, false), set([End::Recorded, End::Known]));
    }
}

#[test]
fn a_version_for_which_the_time_may_end() {
    let found = ends(Event::Named, None, true);
    assert_eq!(found, set([End::Recorded, End::Known, End::Deferred]));
}

#[test]
fn a_version_that_its_owner_deletes() {
    for event in [Event::Named, Event::WithEtag, Event::Bare] {
        let found = ends(event, Some(Deed::DeleteVersion), false);
        assert_eq!(found, set([End::Recorded, End::Known, End::Gone]));
    }
}

#[test]
fn a_version_that_its_owner_overwrites_or_hides() {
    for event in [Event::Named, Event::WithEtag, Event::Bare] {
        for deed in [Deed::Overwrite, Deed::HideByMarker] {
            assert_eq!(ends(event, Some(deed), false), set([End::Recorded, End::Known]));
        }
    }
}
