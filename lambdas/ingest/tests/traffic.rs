//! Ten thousand objects through a troubled world: each version ends once, as the table of ends says, and none is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;

use ingest::plan::Plan;
use ingest::protocol::{Run, Step};
use ingest::record::Source;
use lambda_support::fakes::{FakeAws, FaultInjector, InjectedFault, Message, Queue};
use world::{IN, NOW, Place, agrees, arrival, item, perform, place_among, plan, source, stored};

const OBJECTS: u64 = 10_000;
/// Deliveries that are under way at the same time.
const AT_ONCE: usize = 16;

struct Object {
    version: Source,
    text: String,
    /// The table key it claims, if it is valid.
    claims: Option<u64>,
}

/// A tenth invalid; of the valid ones some claim a key that others claim too, with the same or with other bytes; keys
/// of objects repeat, so that many versions share one.
fn objects(world: &mut FakeAws, random: &mut FaultInjector) -> Vec<Object> {
    (0..OBJECTS)
        .map(|n| {
            let claim = match random.next_number() % 10 {
                0 => n / 7,
                _ => n,
            };
            let year = 2000 + u32::try_from(random.next_number() % 2).unwrap();
            let valid = item(&format!("artist {}", claim % 97), &claim.to_string(), year);
            let (text, claims) = match (n % 10, random.next_number() % 4) {
                (3, 0) => (valid[..valid.len() - 1].to_owned(), None),
                (3, 1) => (valid.replace("Year", "Jahr"), None),
                (3, 2) => (format!("{valid}{}", " ".repeat(5000)), None),
                (3, _) => (valid.replace("\"N\"", "\"S\""), None),
                _ => (valid, Some(claim)),
            };
            let key = format!("in coming/{}+ü.json", random.next_number() % (OBJECTS / 2));
            let version_id = world.s3.put(IN, &key, text.as_bytes(), false).unwrap();
            let version = source(&key, &version_id);
            Object { version, text, claims }
        })
        .collect()
}

/// Announces every object once, one in five twice, in no order.
fn announce(random: &mut FaultInjector, max_receives: u32) -> Queue<usize> {
    let count = usize::try_from(OBJECTS).unwrap();
    let twice = (0..count).filter(|n| n % 5 == 2);
    let mut order: Vec<usize> = (0..count).chain(twice).collect();
    for at in (1..order.len()).rev() {
        let to = usize::try_from(random.next_number()).unwrap() % (at + 1);
        order.swap(at, to);
    }
    let mut queue = Queue::new(max_receives);
    order.into_iter().for_each(|which| queue.send(which));
    queue
}

struct Running {
    message: Message<usize>,
    run: Run,
    step: Step,
}

/// Delivers until the queue is empty, many deliveries at once, a random one making its next call each time.
fn deliver(world: &mut FakeAws, plan: &Plan, objects: &[Object], queue: &mut Queue<usize>, random: &mut FaultInjector) {
    let mut under_way: Vec<Running> = Vec::new();
    let mut verdicts = Vec::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(message) = queue.receive()
        {
            let version = &objects[message.body].version;
            let arrival = arrival(&version.key, Some(&version.version_id));
            let (run, step) = Run::start(arrival, NOW.into(), plan);
            under_way.push(Running { message, run, step });
        }
        if under_way.is_empty() {
            break;
        }
        let at = usize::try_from(random.next_number()).unwrap() % under_way.len();
        let mut delivery = under_way.swap_remove(at);
        match delivery.step {
            Step::Done(verdict) => verdicts.push((delivery.message.body, verdict)),
            Step::Fault(_) => queue.return_message(delivery.message),
            Step::Perform(effect) => match random.next_call() {
                InjectedFault::Rejected => queue.return_message(delivery.message),
                InjectedFault::ResponseLost => {
                    perform(world, &effect);
                    queue.return_message(delivery.message);
                }
                InjectedFault::None => {
                    let outcome = perform(world, &effect);
                    delivery.step = delivery.run.next(plan, outcome);
                    under_way.push(delivery);
                }
            },
        }
    }
    let places = places(world, objects);
    for (which, verdict) in verdicts {
        agrees(&verdict, places[which], false);
    }
}

fn places(world: &FakeAws, objects: &[Object]) -> Vec<Place> {
    let stored = stored(world);
    let of = |o: &Object| place_among(world, &stored, &o.version, o.text.as_bytes(), false);
    objects.iter().map(of).collect()
}

/// For each claimed key: one object stored; those with its bytes untouched; all others in quarantine.
fn check(world: &FakeAws, objects: &[Object], dead: &[usize]) -> BTreeMap<&'static str, usize> {
    let mut stored = BTreeMap::new();
    let mut count = BTreeMap::new();
    let places = places(world, objects);
    for (object, place) in objects.iter().zip(&places) {
        if let (Some(claim), Place::Table) = (object.claims, place) {
            let first = stored.insert(claim, &object.text).is_none();
            assert!(first, "stored twice: {claim}");
        }
    }
    for (n, object) in objects.iter().enumerate() {
        let end = match (object.claims, places[n]) {
            (Some(_), Place::Table) => "stored",
            (Some(claim), Place::Untouched) if stored.get(&claim) == Some(&&object.text) => "duplicate",
            (Some(claim), Place::Quarantine) => {
                assert_ne!(stored[&claim], &object.text, "quarantined, yet a duplicate");
                "conflict"
            }
            (None, Place::Quarantine) => "invalid",
            (_, Place::Untouched) if dead.contains(&n) => "dead letter",
            (claims, place) => panic!("{:?} claims {claims:?} and is {place:?}", object.version),
        };
        *count.entry(end).or_insert(0) += 1;
    }
    count
}

fn run(seed: u64, per_thousand: u64, max_receives: u32) -> BTreeMap<&'static str, usize> {
    let mut random = FaultInjector::new(seed, per_thousand);
    let mut world = world::world();
    let plan = plan();
    let objects = objects(&mut world, &mut random);
    let mut queue = announce(&mut random, max_receives);
    deliver(&mut world, &plan, &objects, &mut queue, &mut random);
    check(&world, &objects, &queue.dead_letters)
}

#[test]
fn each_version_ends_once_and_none_is_lost() {
    let count = run(1, 50, u32::MAX);
    let invalid = count["invalid"];
    assert_eq!(invalid, 1000);
    assert!(count["duplicate"] > 50 && count["conflict"] > 50, "{count:?}");
    assert_eq!(count.get("dead letter"), None);
    assert_eq!(count.values().sum::<usize>(), 10_000);
}

/// With so much trouble that retries run out: what did not end is kept as a dead letter, and is untouched or half-way
/// through a move that can be taken up again.
#[test]
fn what_does_not_end_is_a_dead_letter_and_nothing_is_lost() {
    let mut random = FaultInjector::new(7, 300);
    let mut world = world::world();
    let plan = plan();
    let objects = objects(&mut world, &mut random);
    let mut queue = announce(&mut random, 3);
    deliver(&mut world, &plan, &objects, &mut queue, &mut random);
    let dead = std::mem::take(&mut queue.dead_letters);
    assert!(dead.len() > 1000, "{} dead letters", dead.len());
    places(&world, &objects);
    // Redriven into a quiet world, every one of them ends.
    dead.into_iter().for_each(|which| queue.send(which));
    let mut quiet = FaultInjector::new(8, 0);
    deliver(&mut world, &plan, &objects, &mut queue, &mut quiet);
    assert!(queue.dead_letters.is_empty());
    let count = check(&world, &objects, &[]);
    assert_eq!(count["invalid"], 1000);
    assert_eq!(count.values().sum::<usize>(), 10_000);
}
