//! Every crash point of every kind of object, with two deliveries interleaved in every way.
//!
//! A state is the world and both deliveries. From each, every next thing is tried: a delivery's call succeeds, fails,
//! or has its effect and loses its answer (which is also where a crash shows); after either trouble the message comes
//! again from the start. Where the owner may delete the object, that is tried at every moment too; where something keeps
//! it from being read, so is its end (an archived object is restored, a key enabled).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod world;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use ingest::effect::Effect;
use ingest::plan::Plan;
use ingest::protocol::{Run, Step, Verdict};
use ingest::record::{End, Source};
use lambda_support::aws::Obstacle;
use lambda_support::fakes::FakeAws;
use world::{IN, NOW, Place, agrees, arrival, item, perform, place, plan, source};

/// Troubles in one history: enough for each delivery to fail twice.
const TROUBLES: u8 = 3;

#[derive(Clone)]
enum Delivery {
    Running(Box<Run>, Box<Effect>),
    Ended(Box<Verdict>),
}

#[derive(Clone)]
struct State {
    world: FakeAws,
    deliveries: Vec<(usize, Delivery)>,
    troubles: u8,
    owner_may_delete: bool,
    deleted: bool,
    /// The object cannot be read yet.
    locked: bool,
}

struct Object {
    version: Source,
    bytes: Vec<u8>,
    /// The event carries the version-id.
    pinned: bool,
}

struct Explorer<'a> {
    plan: Plan,
    objects: &'a [Object],
    obstacle: Option<Obstacle>,
    seen: HashSet<u64>,
    ends: HashSet<(usize, &'static str)>,
}

impl Explorer<'_> {
    fn begin(&self, which: usize) -> Delivery {
        let object = &self.objects[which];
        let version = object.pinned.then_some(object.version.version_id.as_str());
        let arrival = arrival(&object.version.key, version);
        let (run, step) = Run::start(arrival, NOW.into(), &self.plan);
        after(run, step)
    }

    fn explore(&mut self, first: State) {
        let mut waiting = vec![first];
        while let Some(state) = waiting.pop() {
            if !self.seen.insert(fingerprint(&state)) {
                continue;
            }
            let places = self.check(&state);
            let mut open = false;
            for at in 0..state.deliveries.len() {
                if let (which, Delivery::Running(run, effect)) = &state.deliveries[at] {
                    open = true;
                    self.branches(&state, at, *which, run, effect, &mut waiting);
                }
            }
            if !open {
                self.finish(&state, &places);
                continue;
            }
            let version = &self.objects[0].version;
            if state.locked {
                let mut next = state.clone();
                let s3 = &mut next.world.s3;
                s3.set_obstacle(IN, &version.key, &version.version_id, None);
                next.locked = false;
                waiting.push(next);
            }
            if state.owner_may_delete && !state.deleted {
                let mut next = state.clone();
                next.world.s3.delete(IN, &version.key, Some(&version.version_id));
                next.deleted = true;
                waiting.push(next);
            }
        }
    }

    fn branches(&self, state: &State, at: usize, which: usize, run: &Run, effect: &Effect, waiting: &mut Vec<State>) {
        let mut fine = state.clone();
        let outcome = perform(&mut fine.world, effect);
        let mut run = run.clone();
        let step = run.next(&self.plan, outcome);
        if state.troubles > 0 {
            let mut lost = fine.clone();
            lost.deliveries[at].1 = self.begin(which);
            lost.troubles -= 1;
            waiting.push(lost);
            let mut refused = state.clone();
            refused.deliveries[at].1 = self.begin(which);
            refused.troubles -= 1;
            waiting.push(refused);
        }
        // A fault returns the message; it comes again.
        fine.deliveries[at].1 = match step {
            Step::Fault(_) => self.begin(which),
            step => after(run, step),
        };
        waiting.push(fine);
    }

    fn check(&self, state: &State) -> Vec<Place> {
        let objects = self.objects.iter().enumerate();
        objects.map(|(n, o)| place(&state.world, &o.version, &o.bytes, state.deleted && n == 0)).collect()
    }

    fn finish(&mut self, state: &State, places: &[Place]) {
        for (which, delivery) in &state.deliveries {
            if let Delivery::Ended(verdict) = delivery {
                let end = verdict.end;
                // `gone` is what a delivery saw when it looked: its owner had deleted the version, or, without a
                // version-id to go by, the other delivery had moved it. It changes nothing.
                let moved = !self.objects[*which].pinned && places[*which] == Place::Quarantine;
                let deleted = state.deleted && *which == 0;
                // What could not be read is evaluated by a later delivery once it can be.
                let unlocked = end == End::Unreadable && !state.locked;
                if !(end == End::Gone && (deleted || moved) || unlocked) {
                    agrees(verdict, places[*which], deleted);
                }
                self.ends.insert((*which, end.name()));
                let version = &self.objects[*which].version.version_id;
                let notices = state.world.notices.iter().map(|n| about(n));
                let (unreadable, told): (Vec<_>, Vec<_>) =
                    notices.filter(|(id, _)| id == version).partition(|(_, end)| end == End::Unreadable.name());
                let (unreadable, told) = (unreadable.len(), told.len());
                let quarantined = places[*which] == Place::Quarantine;
                assert!(told > 0 || !end.quarantined(), "{end:?} and nobody was told");
                assert!(told > 0 || !quarantined || state.deleted, "quarantined, nobody was told");
                assert!(told == 0 || quarantined, "told of what did not happen");
                assert!(unreadable > 0 || end != End::Unreadable, "unreadable, no notice was sent");
                assert!(unreadable == 0 || self.obstacle.is_some(), "told unreadable, and it was not");
            }
        }
    }
}

fn after(run: Run, step: Step) -> Delivery {
    match step {
        Step::Perform(effect) => Delivery::Running(Box::new(run), Box::new(effect)),
        Step::Done(verdict) => Delivery::Ended(verdict),
        Step::Fault(fault) => panic!("{fault}"),
    }
}

/// The version a notice is about, and its end.
fn about(notice: &str) -> (String, String) {
    let notice: serde_json::Value = serde_json::from_str(notice).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&notice["source"]["version_id"]), text(&notice["end"]))
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.world.hash(&mut hasher);
    (state.troubles, state.deleted, state.locked).hash(&mut hasher);
    for (which, delivery) in &state.deliveries {
        let text = match delivery {
            Delivery::Running(run, effect) => format!("{which}{run:?}{effect:?}"),
            Delivery::Ended(verdict) => format!("{which}{verdict:?}"),
        };
        text.hash(&mut hasher);
    }
    hasher.finish()
}

/// Puts the objects in the processing bucket, delivers each as often as said, explores; returns the ends seen.
fn ends(
    world: FakeAws,
    objects: &[(&str, String)],
    deliveries: &[usize],
    pinned: bool,
    owner_may_delete: bool,
) -> HashSet<(usize, &'static str)> {
    ends_behind(None, world, objects, deliveries, pinned, owner_may_delete)
}

/// As [`ends`], with the first object behind an obstacle at first.
fn ends_behind(
    obstacle: Option<Obstacle>,
    mut world: FakeAws,
    objects: &[(&str, String)],
    deliveries: &[usize],
    pinned: bool,
    owner_may_delete: bool,
) -> HashSet<(usize, &'static str)> {
    let objects: Vec<Object> = objects
        .iter()
        .map(|(key, text)| {
            let version = world.s3.put(IN, key, text.as_bytes(), false).unwrap();
            Object { version: source(key, &version), bytes: text.clone().into_bytes(), pinned }
        })
        .collect();
    let first = &objects[0].version;
    world.s3.set_obstacle(IN, &first.key, &first.version_id, obstacle);
    let mut explorer =
        Explorer { plan: plan(), objects: &objects, obstacle, seen: HashSet::new(), ends: HashSet::new() };
    let deliveries = deliveries.iter().map(|&which| (which, explorer.begin(which)));
    let first = State {
        deliveries: deliveries.collect(),
        world,
        troubles: TROUBLES,
        owner_may_delete,
        deleted: false,
        locked: obstacle.is_some(),
    };
    explorer.explore(first);
    explorer.ends
}

fn set(ends: &[(usize, &'static str)]) -> HashSet<(usize, &'static str)> {
    ends.iter().copied().collect()
}

fn one(text: &str) -> Vec<(&'static str, String)> {
    vec![("k.json", text.to_owned())]
}

#[test]
fn a_valid_object() {
    let found = ends(world::world(), &one(&item("A", "B", 1)), &[0, 0], true, false);
    assert_eq!(found, set(&[(0, "stored"), (0, "redelivered")]));
}

#[test]
fn an_invalid_object() {
    let found = ends(world::world(), &one("{"), &[0, 0], true, false);
    assert_eq!(found, set(&[(0, "invalid")]));
}

#[test]
fn an_object_too_large_to_read() {
    let big = " ".repeat(5000);
    assert_eq!(ends(world::world(), &one(&big), &[0, 0], true, false), set(&[(0, "invalid")]));
}

#[test]
fn an_object_whose_key_is_taken() {
    let mut world = world::world();
    let other = serde_json::from_str(&item("A", "B", 2)).unwrap();
    world.table.put_new(&other).unwrap();
    let found = ends(world, &one(&item("A", "B", 1)), &[0, 0], true, false);
    assert_eq!(found, set(&[(0, "conflict")]));
}

#[test]
fn an_object_whose_event_has_no_version() {
    let found = ends(world::world(), &one("{"), &[0, 0], false, false);
    // The second delivery may look for the latest version when the first has moved it.
    assert_eq!(found, set(&[(0, "invalid"), (0, "gone")]));
}

#[test]
fn two_objects_for_one_key() {
    let objects = [("a.json", item("A", "B", 1)), ("b.json", item("A", "B", 2))];
    let found = ends(world::world(), &objects, &[0, 1], true, false);
    assert_eq!(
        found,
        set(&[(0, "stored"), (0, "redelivered"), (0, "conflict"), (1, "stored"), (1, "redelivered"), (1, "conflict")])
    );
}

#[test]
fn two_objects_of_the_same_bytes() {
    let objects = [("a.json", item("A", "B", 1)), ("b.json", item("A", "B", 1))];
    let found = ends(world::world(), &objects, &[0, 1], true, false);
    assert_eq!(
        found,
        set(&[
            (0, "stored"),
            (0, "redelivered"),
            (0, "duplicate"),
            (1, "stored"),
            (1, "redelivered"),
            (1, "duplicate")
        ])
    );
}

#[test]
fn a_valid_object_that_its_owner_deletes() {
    let found = ends(world::world(), &one(&item("A", "B", 1)), &[0, 0], true, true);
    assert_eq!(found, set(&[(0, "stored"), (0, "redelivered"), (0, "gone")]));
}

#[test]
fn an_invalid_object_that_its_owner_deletes() {
    let found = ends(world::world(), &one("{"), &[0, 0], true, true);
    assert_eq!(found, set(&[(0, "invalid"), (0, "gone")]));
}

/// The ends of an object that cannot be read at first.
fn behind(obstacle: Obstacle, text: &str, deletes: bool) -> HashSet<(usize, &'static str)> {
    let objects = one(text);
    ends_behind(Some(obstacle), world::world(), &objects, &[0, 0], true, deletes)
}

/// It stays, is told of, and is evaluated afresh by a delivery that comes after it can be read.
#[test]
fn a_valid_object_that_cannot_be_read_at_first() {
    let expected = set(&[(0, "unreadable"), (0, "stored"), (0, "redelivered")]);
    for obstacle in [Obstacle::Archived, Obstacle::KmsKey, Obstacle::CustomerKey] {
        assert_eq!(behind(obstacle, &item("A", "B", 1), false), expected);
    }
}

#[test]
fn an_invalid_object_that_cannot_be_read_at_first_or_is_deleted() {
    let expected = set(&[(0, "unreadable"), (0, "invalid"), (0, "gone")]);
    assert_eq!(behind(Obstacle::Archived, "{", true), expected);
}
