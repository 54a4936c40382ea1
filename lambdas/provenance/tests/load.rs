//! Ten thousand versions with injected faults: each ends with one true receipt, and none is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use lambda_support::Arrival;
use lambda_support::fakes::{FaultInjector, InjectedFault, Message, Queue};
use lambda_support::{Protocol, Step, StepOf};
use provenance::protocol::ReceiptProtocol;
use sluice_types::{ObjectVersion, ReceiptState};
use support::{Deployment, START, arrival, check_verdict, perform, records, version, watched};

const VERSIONS: usize = 10_000;
/// Deliveries that run at the same time.
const MAX_CONCURRENT_DELIVERIES: usize = 16;

struct Object {
    version: ObjectVersion,
    bytes: Vec<u8>,
    event: Arrival,
}

/// Many versions share a key, and some have the same bytes. One event in ten has no version-id.
fn objects(deployment: &mut Deployment, random: &mut FaultInjector) -> Vec<Object> {
    (0..VERSIONS)
        .map(|n| {
            let key = format!("incoming/{}+ü.csv", random.next_number() % (VERSIONS as u64 / 2));
            let bytes = format!("{n}").repeat(n % 40).into_bytes();
            let version = deployment.put(&key, &bytes);
            let object = deployment.s3.get(support::IN, &key, None).unwrap();
            let etag = support::etag(object);
            let event = match n % 10 {
                3 if !bytes.is_empty() => arrival(&support::version(&key, ""), Some(&etag)),
                _ => arrival(&version, None),
            };
            Object { version, bytes, event }
        })
        .collect()
}

/// Sends an event about every version, one in five twice, in random order.
fn send_events(random: &mut FaultInjector, max_receives: u32) -> Queue<usize> {
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
    protocol: ReceiptProtocol,
    step: StepOf<ReceiptProtocol>,
}

/// Delivers until the queue is empty: of the running deliveries, a random one makes its next call.
fn deliver(deployment: &mut Deployment, objects: &[Object], queue: &mut Queue<usize>, random: &mut FaultInjector) {
    let mut running: Vec<Running> = Vec::new();
    let mut verdicts = Vec::new();
    loop {
        while running.len() < MAX_CONCURRENT_DELIVERIES
            && let Some(message) = queue.receive()
        {
            let (protocol, step) = ReceiptProtocol::start(objects[message.body].event.clone(), &watched(), START);
            running.push(Running { message, protocol, step });
        }
        if running.is_empty() {
            break;
        }
        let at = usize::try_from(random.next_number()).unwrap() % running.len();
        let mut delivery = running.swap_remove(at);
        match delivery.step {
            Step::Done(verdict) => verdicts.push(verdict),
            Step::Fault(_) => queue.return_message(delivery.message),
            Step::Perform(effect) => match random.next_call() {
                InjectedFault::Rejected => queue.return_message(delivery.message),
                InjectedFault::ResponseLost => {
                    perform(deployment, &effect);
                    queue.return_message(delivery.message);
                }
                InjectedFault::None => {
                    let result = perform(deployment, &effect);
                    delivery.step = delivery.protocol.next(&watched(), result, deployment.now());
                    running.push(delivery);
                }
            },
        }
    }
    verdicts.iter().for_each(|verdict| check_verdict(deployment, verdict));
}

/// How many versions have a receipt. Checks that every receipt is true and has its journal entry.
fn recorded(deployment: &Deployment, objects: &[Object]) -> usize {
    let bytes: BTreeMap<&ObjectVersion, &[u8]> = objects.iter().map(|o| (&o.version, o.bytes.as_slice())).collect();
    let records = records(deployment, |v| bytes.get(v).map(|b| b.to_vec()));
    assert!(records.iter().all(|r| r.state == ReceiptState::Hashed));
    for record in &records {
        assert!(bytes.contains_key(&version(&record.key, &record.version_id)));
    }
    records.len()
}

#[test]
fn each_version_has_exactly_one_receipt() {
    for per_thousand in [50, 300] {
        let mut random = FaultInjector::new(per_thousand, per_thousand);
        let mut deployment = Deployment::default();
        let objects = objects(&mut deployment, &mut random);
        let mut queue = send_events(&mut random, u32::MAX);
        deliver(&mut deployment, &objects, &mut queue, &mut random);
        assert_eq!(recorded(&deployment, &objects), VERSIONS);
    }
}

/// With many faults the retries run out.
#[test]
fn a_version_without_a_receipt_is_a_dead_letter_and_gets_one_when_redriven() {
    let mut random = FaultInjector::new(7, 300);
    let mut deployment = Deployment::default();
    let objects = objects(&mut deployment, &mut random);
    let mut queue = send_events(&mut random, 3);
    deliver(&mut deployment, &objects, &mut queue, &mut random);
    let dead_letters = std::mem::take(&mut queue.dead_letters);
    assert!(dead_letters.len() > 1000, "{} dead letters", dead_letters.len());
    let done = recorded(&deployment, &objects);
    assert!(done < VERSIONS && done + dead_letters.len() >= VERSIONS, "{done}");
    dead_letters.into_iter().for_each(|which| queue.send(which));
    deliver(&mut deployment, &objects, &mut queue, &mut FaultInjector::new(8, 0));
    assert!(queue.dead_letters.is_empty());
    assert_eq!(recorded(&deployment, &objects), VERSIONS);
}
