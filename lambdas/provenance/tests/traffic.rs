//! Ten thousand versions through a troubled world: each has one true receipt in the end, and none is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;

use lambda_support::Arrival;
use lambda_support::fakes::{FaultInjector, InjectedFault, Message, Queue};
use lambda_support::{Protocol, Step, StepOf};
use provenance::protocol::ReceiptProtocol;
use sluice_types::{ObjectVersion, ReceiptState};
use world::{START, World, agrees, arrival, perform, records, version, watched};

const VERSIONS: usize = 10_000;
/// Deliveries that are under way at the same time.
const AT_ONCE: usize = 16;

struct Object {
    version: ObjectVersion,
    bytes: Vec<u8>,
    event: Arrival,
}

/// Keys repeat, so that many versions share one; some bytes repeat too. The events of a tenth have no version-id.
fn objects(world: &mut World, random: &mut FaultInjector) -> Vec<Object> {
    (0..VERSIONS)
        .map(|n| {
            let key = format!("incoming/{}+ü.csv", random.next_number() % (VERSIONS as u64 / 2));
            let bytes = format!("{n}").repeat(n % 40).into_bytes();
            let version = world.put(&key, &bytes);
            let object = world.s3.get(world::IN, &key, None).unwrap();
            let etag = world::etag(object);
            let event = match n % 10 {
                3 if !bytes.is_empty() => arrival(&world::version(&key, ""), Some(&etag)),
                _ => arrival(&version, None),
            };
            Object { version, bytes, event }
        })
        .collect()
}

/// Announces every version once, one in five twice, in no order.
fn announce(random: &mut FaultInjector, max_receives: u32) -> Queue<usize> {
    let twice = (0..VERSIONS).filter(|n| n % 5 == 2);
    let mut order: Vec<usize> = (0..VERSIONS).chain(twice).collect();
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
    run: ReceiptProtocol,
    step: StepOf<ReceiptProtocol>,
}

/// Delivers until the queue is empty, many deliveries at once, a random one making its next call each time.
fn deliver(world: &mut World, objects: &[Object], queue: &mut Queue<usize>, random: &mut FaultInjector) {
    let mut under_way: Vec<Running> = Vec::new();
    let mut verdicts = Vec::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(message) = queue.receive()
        {
            let (run, step) = ReceiptProtocol::start(objects[message.body].event.clone(), &watched(), START);
            under_way.push(Running { message, run, step });
        }
        if under_way.is_empty() {
            break;
        }
        let at = usize::try_from(random.next_number()).unwrap() % under_way.len();
        let mut delivery = under_way.swap_remove(at);
        match delivery.step {
            Step::Done(verdict) => verdicts.push(verdict),
            Step::Fault(_) => queue.return_message(delivery.message),
            Step::Perform(effect) => match random.next_call() {
                InjectedFault::Rejected => queue.return_message(delivery.message),
                InjectedFault::ResponseLost => {
                    perform(world, &effect);
                    queue.return_message(delivery.message);
                }
                InjectedFault::None => {
                    let outcome = perform(world, &effect);
                    delivery.step = delivery.run.next(&watched(), outcome, world.now());
                    under_way.push(delivery);
                }
            },
        }
    }
    verdicts.iter().for_each(|verdict| agrees(world, verdict));
}

/// How many versions have a true receipt; what is written is true and announced whatever happened.
fn recorded(world: &World, objects: &[Object]) -> usize {
    let bytes: BTreeMap<&ObjectVersion, &[u8]> = objects.iter().map(|o| (&o.version, o.bytes.as_slice())).collect();
    let records = records(world, |v| bytes.get(v).map(|b| b.to_vec()));
    assert!(records.iter().all(|r| r.state == ReceiptState::Hashed));
    for record in &records {
        assert!(bytes.contains_key(&version(&record.key, &record.version_id)));
    }
    records.len()
}

#[test]
fn each_version_has_one_receipt_and_none_is_lost() {
    for per_thousand in [50, 300] {
        let mut random = FaultInjector::new(per_thousand, per_thousand);
        let mut world = World::default();
        let objects = objects(&mut world, &mut random);
        let mut queue = announce(&mut random, u32::MAX);
        deliver(&mut world, &objects, &mut queue, &mut random);
        assert_eq!(recorded(&world, &objects), VERSIONS);
    }
}

/// With so much trouble that retries run out: what has no receipt is a dead letter, and redriven it gets one.
#[test]
fn what_has_no_receipt_is_a_dead_letter() {
    let mut random = FaultInjector::new(7, 300);
    let mut world = World::default();
    let objects = objects(&mut world, &mut random);
    let mut queue = announce(&mut random, 3);
    deliver(&mut world, &objects, &mut queue, &mut random);
    let dead = std::mem::take(&mut queue.dead_letters);
    assert!(dead.len() > 1000, "{} dead letters", dead.len());
    let done = recorded(&world, &objects);
    assert!(done < VERSIONS && done + dead.len() >= VERSIONS, "{done}");
    dead.into_iter().for_each(|which| queue.send(which));
    deliver(&mut world, &objects, &mut queue, &mut FaultInjector::new(8, 0));
    assert!(queue.dead_letters.is_empty());
    assert_eq!(recorded(&world, &objects), VERSIONS);
}
