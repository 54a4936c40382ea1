//! 10,000 objects with failing calls: each version gets one outcome, and none is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use ingest::deployment::Deployment;
use ingest::protocol::IngestProtocol;
use lambda_support::fakes::{FakeAws, FaultInjector, InjectedFault, Message, Queue};
use lambda_support::{Protocol, Step, StepOf};
use sluice_types::ObjectVersion;
use support::location::{Location, assert_agrees, location_among, stored_versions};
use support::{NOW, PROCESSING, arrival, deployment, fake_aws, item, perform, version};

const OBJECTS: u64 = 10_000;
const MAX_CONCURRENT_DELIVERIES: usize = 16;

struct Object {
    version: ObjectVersion,
    content: String,
    /// The number that makes its table key, if it is valid.
    claim: Option<u64>,
}

/// Puts the objects. A tenth is invalid. Some of the valid ones have the table key of others, with the same or with other
/// bytes. Many versions share an object key.
fn put_objects(aws: &mut FakeAws, random: &mut FaultInjector) -> Vec<Object> {
    (0..OBJECTS)
        .map(|n| {
            let number = match random.next_number() % 10 {
                0 => n / 7,
                _ => n,
            };
            let year = 2000 + u32::try_from(random.next_number() % 2).unwrap();
            let valid = item(&format!("artist {}", number % 97), &number.to_string(), year);
            let (content, claim) = match (n % 10, random.next_number() % 4) {
                (3, 0) => (valid[..valid.len() - 1].to_owned(), None),
                (3, 1) => (valid.replace("Year", "Jahr"), None),
                (3, 2) => (format!("{valid}{}", " ".repeat(5000)), None),
                (3, _) => (valid.replace("\"N\"", "\"S\""), None),
                _ => (valid, Some(number)),
            };
            let key = format!("in coming/{}+ü.json", random.next_number() % (OBJECTS / 2));
            let version_id = aws.s3.put(PROCESSING, &key, content.as_bytes(), false).unwrap();
            Object { version: version(&key, &version_id), content, claim }
        })
        .collect()
}

/// A queue with an event of every object, in random order; one in five objects has two.
fn queue_events(random: &mut FaultInjector, max_receives: u32) -> Queue<usize> {
    let count = usize::try_from(OBJECTS).unwrap();
    let repeated = (0..count).filter(|n| n % 5 == 2);
    let mut order: Vec<usize> = (0..count).chain(repeated).collect();
    for index in (1..order.len()).rev() {
        let other = usize::try_from(random.next_number()).unwrap() % (index + 1);
        order.swap(index, other);
    }
    let mut queue = Queue::new(max_receives);
    order.into_iter().for_each(|object| queue.send(object));
    queue
}

struct Running {
    message: Message<usize>,
    protocol: IngestProtocol,
    step: StepOf<IngestProtocol>,
}

/// Delivers until the queue is empty. Of the concurrent deliveries, a random one makes its next call each time.
fn deliver(
    aws: &mut FakeAws,
    deployment: &Deployment,
    objects: &[Object],
    queue: &mut Queue<usize>,
    random: &mut FaultInjector,
) {
    let mut running: Vec<Running> = Vec::new();
    let mut verdicts = Vec::new();
    loop {
        while running.len() < MAX_CONCURRENT_DELIVERIES
            && let Some(message) = queue.receive()
        {
            let version = &objects[message.body].version;
            let arrival = arrival(&version.key, Some(&version.version_id));
            let (protocol, step) = IngestProtocol::start(arrival, deployment, NOW);
            running.push(Running { message, protocol, step });
        }
        if running.is_empty() {
            break;
        }
        let index = usize::try_from(random.next_number()).unwrap() % running.len();
        let mut current = running.swap_remove(index);
        match current.step {
            Step::Done(verdict) => verdicts.push((current.message.body, verdict)),
            Step::Fault(_) => queue.return_message(current.message),
            Step::Perform(effect) => match random.next_call() {
                InjectedFault::Rejected => queue.return_message(current.message),
                InjectedFault::ResponseLost => {
                    perform(aws, &effect);
                    queue.return_message(current.message);
                }
                InjectedFault::None => {
                    let result = perform(aws, &effect);
                    current.step = current.protocol.next(deployment, result, NOW);
                    running.push(current);
                }
            },
        }
    }
    let locations = locations(aws, objects);
    for (object, verdict) in verdicts {
        assert_agrees(&verdict, locations[object], false);
    }
}

fn locations(aws: &FakeAws, objects: &[Object]) -> Vec<Location> {
    let stored = stored_versions(aws);
    objects.iter().map(|o| location_among(aws, &stored, &o.version, o.content.as_bytes(), false)).collect()
}

/// Checks that of the objects with one table key one is stored, those with the same bytes stay, and the others are in
/// quarantine. Returns how many objects have each outcome.
fn count_outcomes(aws: &FakeAws, objects: &[Object], dead_letters: &[usize]) -> BTreeMap<&'static str, usize> {
    let locations = locations(aws, objects);
    let mut stored = BTreeMap::new();
    for (object, location) in objects.iter().zip(&locations) {
        if let (Some(claim), Location::Table) = (object.claim, location) {
            assert!(stored.insert(claim, &object.content).is_none(), "stored twice: {claim}");
        }
    }
    let mut counts = BTreeMap::new();
    for (n, object) in objects.iter().enumerate() {
        let outcome = match (object.claim, locations[n]) {
            (Some(_), Location::Table) => "stored",
            (Some(claim), Location::Processing) if stored.get(&claim) == Some(&&object.content) => "duplicate",
            (Some(claim), Location::Quarantine) => {
                assert_ne!(stored[&claim], &object.content, "a duplicate is in quarantine");
                "conflict"
            }
            (None, Location::Quarantine) => "invalid",
            (_, Location::Processing) if dead_letters.contains(&n) => "dead letter",
            (claim, location) => panic!("{:?} claims {claim:?} and is in {location:?}", object.version),
        };
        *counts.entry(outcome).or_insert(0) += 1;
    }
    counts
}

#[test]
fn every_version_gets_one_outcome_although_one_call_in_twenty_fails() {
    let mut random = FaultInjector::new(1, 50);
    let mut aws = fake_aws();
    let objects = put_objects(&mut aws, &mut random);
    let mut queue = queue_events(&mut random, u32::MAX);
    deliver(&mut aws, &deployment(), &objects, &mut queue, &mut random);
    let counts = count_outcomes(&aws, &objects, &queue.dead_letters);
    assert_eq!(counts["invalid"], 1000);
    assert!(counts["duplicate"] > 50 && counts["conflict"] > 50, "{counts:?}");
    assert_eq!(counts.get("dead letter"), None);
    assert_eq!(counts.values().sum::<usize>(), 10_000);
}

/// So many calls fail that retries run out. What remains is in the dead-letter queue; its objects are in the processing
/// bucket, and a move to quarantine that was interrupted is completed after a redrive.
#[test]
fn dead_letters_get_an_outcome_after_a_redrive() {
    let mut random = FaultInjector::new(7, 300);
    let mut aws = fake_aws();
    let objects = put_objects(&mut aws, &mut random);
    let mut queue = queue_events(&mut random, 3);
    deliver(&mut aws, &deployment(), &objects, &mut queue, &mut random);
    let dead_letters = std::mem::take(&mut queue.dead_letters);
    assert!(dead_letters.len() > 1000, "{} dead letters", dead_letters.len());
    locations(&aws, &objects);
    dead_letters.into_iter().for_each(|object| queue.send(object));
    let mut without_failures = FaultInjector::new(8, 0);
    deliver(&mut aws, &deployment(), &objects, &mut queue, &mut without_failures);
    assert!(queue.dead_letters.is_empty());
    let counts = count_outcomes(&aws, &objects, &[]);
    assert_eq!(counts["invalid"], 1000);
    assert_eq!(counts.values().sum::<usize>(), 10_000);
}
