//! Explores every crash point of every kind of object, with two deliveries interleaved in every order.
//!
//! A state is the fakes and both deliveries. From each state, every transition is tried: a call succeeds, it fails, or it
//! succeeds and its response is lost, which is also how a crash appears. After a failure or a lost response the message
//! is delivered again from the start. In some models the owner may delete the object at any moment, or the object cannot
//! be read until, at any moment, its obstacle is removed (it is restored, or its key is enabled).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use ingest::deployment::Deployment;
use ingest::effect::Effect;
use ingest::outcome::Outcome;
use ingest::protocol::IngestProtocol;
use ingest::verdict::Verdict;
use lambda_support::aws::Obstacle;
use lambda_support::fakes::FakeAws;
use lambda_support::{Protocol, Step, StepOf};
use sluice_types::ObjectVersion;
use support::location::{Location, assert_agrees, location};
use support::{NOW, PROCESSING, arrival, deployment, fake_aws, item, perform, version};

/// Failed calls and lost responses in one history: enough for each delivery to fail twice.
const MAX_FAILURES: u8 = 3;

/// The outcomes of one model: the number of the object, and the name of the outcome.
type Outcomes = HashSet<(usize, &'static str)>;

/// What is explored.
struct Model<'a> {
    aws: FakeAws,
    /// Key and content of each object.
    objects: Vec<(&'a str, String)>,
    /// The number of the object that each delivery is about.
    deliveries: [usize; 2],
    /// Whether events carry the version-id.
    events_have_version: bool,
    /// Whether the owner may delete the first object.
    owner_may_delete: bool,
    /// What keeps the first object from being read, until it is removed.
    obstacle: Option<Obstacle>,
}

/// Two deliveries of one object with this content.
fn model(content: &str) -> Model<'_> {
    Model {
        aws: fake_aws(),
        objects: vec![("k.json", content.to_owned())],
        deliveries: [0, 0],
        events_have_version: true,
        owner_may_delete: false,
        obstacle: None,
    }
}

#[derive(Clone, Hash)]
enum Progress {
    Running(Box<IngestProtocol>, Box<Effect>),
    Done(Box<Verdict>),
}

#[derive(Clone, Hash)]
struct State {
    aws: FakeAws,
    /// The number of the object, and how far its delivery is.
    deliveries: Vec<(usize, Progress)>,
    failures_left: u8,
    deleted: bool,
    unreadable: bool,
}

struct Object {
    version: ObjectVersion,
    bytes: Vec<u8>,
}

struct Explorer {
    deployment: Deployment,
    objects: Vec<Object>,
    events_have_version: bool,
    owner_may_delete: bool,
    obstacle: Option<Obstacle>,
    seen: HashSet<u64>,
    outcomes: Outcomes,
}

impl Explorer {
    fn start_delivery(&self, object: usize) -> Progress {
        let version = &self.objects[object].version;
        let version_id = self.events_have_version.then_some(version.version_id.as_str());
        let (protocol, step) = IngestProtocol::start(arrival(&version.key, version_id), &self.deployment, NOW);
        progress(protocol, step)
    }

    fn explore(&mut self, first: State) {
        let mut pending = vec![first];
        while let Some(state) = pending.pop() {
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            if !self.seen.insert(hasher.finish()) {
                continue;
            }
            let locations = self.locations(&state);
            if state.deliveries.iter().all(|(_, progress)| matches!(progress, Progress::Done(_))) {
                self.check_final_state(&state, &locations);
            } else {
                self.push_calls(&state, &mut pending);
                self.push_owner_actions(&state, &mut pending);
            }
        }
    }

    /// Pushes the states after the next call of each delivery.
    fn push_calls(&self, state: &State, pending: &mut Vec<State>) {
        for (index, (object, progress_before)) in state.deliveries.iter().enumerate() {
            let Progress::Running(protocol, effect) = progress_before else {
                continue;
            };
            let mut succeeded = state.clone();
            let result = perform(&mut succeeded.aws, effect);
            if state.failures_left > 0 {
                for state_after in [&succeeded, state] {
                    let mut failed = state_after.clone();
                    failed.deliveries[index].1 = self.start_delivery(*object);
                    failed.failures_left -= 1;
                    pending.push(failed);
                }
            }
            let mut advanced = protocol.clone();
            succeeded.deliveries[index].1 = match advanced.next(&self.deployment, result, NOW) {
                // The message returns to the queue and is delivered again.
                Step::Fault(_) => self.start_delivery(*object),
                step => progress(*advanced, step),
            };
            pending.push(succeeded);
        }
    }

    /// Pushes the states after the owner made the first object readable, or deleted it.
    fn push_owner_actions(&self, state: &State, pending: &mut Vec<State>) {
        let version = &self.objects[0].version;
        if state.unreadable {
            let mut next = state.clone();
            next.aws.s3.set_obstacle(PROCESSING, &version.key, &version.version_id, None);
            next.unreadable = false;
            pending.push(next);
        }
        if self.owner_may_delete && !state.deleted {
            let mut next = state.clone();
            next.aws.s3.delete(PROCESSING, &version.key, Some(&version.version_id));
            next.deleted = true;
            pending.push(next);
        }
    }

    /// Where each object is; checks the invariants.
    fn locations(&self, state: &State) -> Vec<Location> {
        let objects = self.objects.iter().enumerate();
        objects.map(|(n, o)| location(&state.aws, &o.version, &o.bytes, state.deleted && n == 0)).collect()
    }

    /// Checks a state in which both deliveries are complete.
    fn check_final_state(&mut self, state: &State, locations: &[Location]) {
        for (object, progress) in &state.deliveries {
            if let Progress::Done(verdict) = progress {
                self.check_verdict(state, *object, verdict, locations[*object]);
                self.check_notices(state, *object, verdict.outcome, locations[*object]);
                self.outcomes.insert((*object, verdict.outcome.name()));
            }
        }
    }

    fn check_verdict(&self, state: &State, object: usize, verdict: &Verdict, location: Location) {
        let deleted = state.deleted && object == 0;
        // `gone` was correct when the delivery looked: the owner had deleted the version, or, where the event has no
        // version-id, the other delivery had moved it.
        let moved = !self.events_have_version && location == Location::Quarantine;
        let was_gone = verdict.outcome == Outcome::Gone && (deleted || moved);
        // A later delivery stores or quarantines what this one could not read.
        let was_unreadable = verdict.outcome == Outcome::Unreadable && !state.unreadable;
        if !was_gone && !was_unreadable {
            assert_agrees(verdict, location, deleted);
        }
    }

    /// The notices about a version agree with the outcome and with where the version is.
    fn check_notices(&self, state: &State, object: usize, outcome: Outcome, location: Location) {
        let version_id = &self.objects[object].version.version_id;
        let notices = state.aws.notices.iter().map(|notice| version_and_outcome(notice));
        let outcomes: Vec<String> = notices.filter(|(id, _)| id == version_id).map(|(_, outcome)| outcome).collect();
        let unreadable = outcomes.iter().filter(|outcome| *outcome == Outcome::Unreadable.name()).count();
        let others = outcomes.len() - unreadable;
        let quarantined = location == Location::Quarantine;
        assert!(others > 0 || !outcome.is_quarantined(), "{outcome:?} without a notice");
        assert!(others > 0 || !quarantined || state.deleted, "quarantined without a notice");
        assert!(others == 0 || quarantined, "a notice without a quarantined version");
        assert!(unreadable > 0 || outcome != Outcome::Unreadable, "unreadable without a notice");
        assert!(unreadable == 0 || self.obstacle.is_some(), "a notice about a version that can be read");
    }
}

fn progress(protocol: IngestProtocol, step: StepOf<IngestProtocol>) -> Progress {
    match step {
        Step::Perform(effect) => Progress::Running(Box::new(protocol), Box::new(effect)),
        Step::Done(verdict) => Progress::Done(verdict),
        Step::Fault(fault) => panic!("{fault}"),
    }
}

/// The version-id that a notice is about, and its outcome.
fn version_and_outcome(notice: &str) -> (String, String) {
    let document: serde_json::Value = serde_json::from_str(notice).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&document["source"]["version_id"]), text(&document["end"]))
}

/// Explores a model; returns the outcomes of all its histories.
fn explore(model: Model) -> Outcomes {
    let mut aws = model.aws;
    let put = |(key, content): (&str, String)| {
        let version_id = aws.s3.put(PROCESSING, key, content.as_bytes(), false).unwrap();
        Object { version: version(key, &version_id), bytes: content.into_bytes() }
    };
    let objects: Vec<Object> = model.objects.into_iter().map(put).collect();
    let first = &objects[0].version;
    aws.s3.set_obstacle(PROCESSING, &first.key, &first.version_id, model.obstacle);
    let mut explorer = Explorer {
        deployment: deployment(),
        objects,
        events_have_version: model.events_have_version,
        owner_may_delete: model.owner_may_delete,
        obstacle: model.obstacle,
        seen: HashSet::new(),
        outcomes: HashSet::new(),
    };
    let deliveries = model.deliveries.iter().map(|&object| (object, explorer.start_delivery(object)));
    let initial = State {
        deliveries: deliveries.collect(),
        aws,
        failures_left: MAX_FAILURES,
        deleted: false,
        unreadable: model.obstacle.is_some(),
    };
    explorer.explore(initial);
    explorer.outcomes
}

fn outcomes<const N: usize>(outcomes: [(usize, &'static str); N]) -> Outcomes {
    HashSet::from(outcomes)
}

#[test]
fn a_valid_object() {
    let found = explore(model(&item("A", "B", 1)));
    assert_eq!(found, outcomes([(0, "stored"), (0, "redelivered")]));
}

#[test]
fn an_invalid_object() {
    assert_eq!(explore(model("{")), outcomes([(0, "invalid")]));
}

#[test]
fn an_object_above_the_size_limit() {
    assert_eq!(explore(model(&" ".repeat(5000))), outcomes([(0, "invalid")]));
}

#[test]
fn an_object_with_the_table_key_of_an_item_without_source() {
    let mut aws = fake_aws();
    aws.table.put_new(&serde_json::from_str(&item("A", "B", 2)).unwrap()).unwrap();
    let found = explore(Model { aws, ..model(&item("A", "B", 1)) });
    assert_eq!(found, outcomes([(0, "conflict")]));
}

/// `gone`: the first delivery may have moved the object before the second one looks for its latest version.
#[test]
fn an_object_whose_event_has_no_version_id() {
    let found = explore(Model { events_have_version: false, ..model("{") });
    assert_eq!(found, outcomes([(0, "invalid"), (0, "gone")]));
}

/// Two deliveries of two objects.
fn two_objects(contents: [String; 2]) -> Outcomes {
    let [first, second] = contents;
    let objects = vec![("a.json", first), ("b.json", second)];
    explore(Model { objects, deliveries: [0, 1], ..model("") })
}

#[test]
fn two_objects_with_one_table_key() {
    let found = two_objects([item("A", "B", 1), item("A", "B", 2)]);
    let expected = |object| [(object, "stored"), (object, "redelivered"), (object, "conflict")];
    assert_eq!(found, HashSet::from_iter([expected(0), expected(1)].concat()));
}

#[test]
fn two_objects_with_the_same_bytes() {
    let found = two_objects([item("A", "B", 1), item("A", "B", 1)]);
    let expected = |object| [(object, "stored"), (object, "redelivered"), (object, "duplicate")];
    assert_eq!(found, HashSet::from_iter([expected(0), expected(1)].concat()));
}

#[test]
fn a_valid_object_that_its_owner_may_delete() {
    let found = explore(Model { owner_may_delete: true, ..model(&item("A", "B", 1)) });
    assert_eq!(found, outcomes([(0, "stored"), (0, "redelivered"), (0, "gone")]));
}

#[test]
fn an_invalid_object_that_its_owner_may_delete() {
    let found = explore(Model { owner_may_delete: true, ..model("{") });
    assert_eq!(found, outcomes([(0, "invalid"), (0, "gone")]));
}

/// A delivery after the obstacle was removed stores it.
#[test]
fn a_valid_object_that_cannot_be_read_at_first() {
    for obstacle in [Obstacle::Archived, Obstacle::KmsKey, Obstacle::CustomerKey] {
        let found = explore(Model { obstacle: Some(obstacle), ..model(&item("A", "B", 1)) });
        assert_eq!(found, outcomes([(0, "unreadable"), (0, "stored"), (0, "redelivered")]));
    }
}

#[test]
fn an_invalid_object_that_cannot_be_read_at_first_and_that_its_owner_may_delete() {
    let obstacle = Some(Obstacle::Archived);
    let found = explore(Model { obstacle, owner_may_delete: true, ..model("{") });
    assert_eq!(found, outcomes([(0, "unreadable"), (0, "invalid"), (0, "gone")]));
}
