//! The table of ends, and every branch on the way to each.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use lambda_support::{Arrival, Fault};
use lambda_support::{Protocol, Step};
use provenance::effect::{Effect, EffectResult};
use provenance::protocol::{End, ReceiptProtocol, Verdict};
use sluice_types::{ObjectVersion, Receipt, ReceiptState, Record};
use world::{IN, OUT, START, World, agrees, arrival, perform, records, version, watched};

/// Delivers one event, with `instead` of some outcomes; returns its verdict and the names of its calls.
fn deliver(
    world: &mut World,
    arrival: Arrival,
    instead: impl Fn(&Effect) -> Option<EffectResult>,
) -> Result<(Verdict, Vec<String>), Fault> {
    let (mut run, mut step) = ReceiptProtocol::start(arrival, &watched(), START);
    let mut calls = Vec::new();
    loop {
        match step {
            Step::Done(verdict) => {
                agrees(world, &verdict);
                return Ok((*verdict, calls));
            }
            Step::Fault(fault) => return Err(fault),
            Step::Perform(effect) => {
                let debug = format!("{effect:?}");
                let name = debug.split([' ', '(', '{']).next().unwrap();
                calls.push(name.to_owned());
                let outcome = instead(&effect).unwrap_or_else(|| perform(world, &effect));
                step = run.next(&watched(), outcome, world.now());
            }
        }
    }
}

fn plainly(world: &mut World, version: &ObjectVersion) -> (Verdict, Vec<String>) {
    deliver(world, arrival(version, None), |_| None).unwrap()
}

fn only(world: &World, bytes: &[u8]) -> Receipt {
    let mut all = records(world, |_| Some(bytes.to_vec()));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// 001.9 to 001.11: the receipt has the hash and what the event and S3 say, in a place that mirrors the source.
#[test]
fn recorded() {
    let mut world = World::default();
    let version = world.put("incoming/2025/a b.csv", b"1,2");
    let (verdict, calls) = plainly(&mut world, &version);
    assert_eq!(verdict.end, End::Recorded);
    assert_eq!(calls, ["CheckReceipt", "Inspect", "Hash", "Announce", "Write"]);
    let receipt = only(&world, b"1,2");
    assert_eq!(receipt.record_key(), "provenance/raw/incoming/2025/a b.csv/v1~.json");
    assert_eq!(receipt.recorded_at, world.now(), "the moment after the hash");
    assert_eq!(receipt.event_time.as_deref(), Some("2025-11-23T14:05:09Z"));
    assert_eq!(receipt.sequencer.as_deref(), Some("0055"));
    assert!(receipt.last_modified.is_some() && receipt.etag.is_some());
    assert!(!receipt.pinned_late);
}

#[test]
fn a_redelivery_finds_the_receipt() {
    let mut world = World::default();
    let version = world.put("incoming/a", b"1");
    plainly(&mut world, &version);
    let before = world.clone();
    let (verdict, calls) = plainly(&mut world, &version);
    assert_eq!((verdict.end, calls), (End::Known, vec!["CheckReceipt".to_owned()]));
    assert_eq!(world, before);
}

/// Another delivery wrote it between this one's look and its write.
#[test]
fn the_first_writer_wins() {
    let mut world = World::default();
    let version = world.put("incoming/a", b"1");
    plainly(&mut world, &version);
    let receipt = only(&world, b"1");
    let (verdict, calls) = deliver(&mut world, arrival(&version, None), |effect| {
        matches!(effect, Effect::CheckReceipt(_)).then_some(EffectResult::Receipt(false))
    })
    .unwrap();
    assert_eq!((verdict.end, calls.len()), (End::Known, 5));
    assert_eq!(only(&world, b"1"), receipt);
}

/// Each version has a receipt of its own; the same bytes again too.
#[test]
fn versions_of_one_key() {
    let mut world = World::default();
    for _ in 0..3 {
        let version = world.put("incoming/a", b"1");
        assert_eq!(plainly(&mut world, &version).0.end, End::Recorded);
    }
    assert_eq!(records(&world, |_| Some(b"1".to_vec())).len(), 3);
}

#[test]
fn gone_before_it_was_looked_at_and_while_it_was_read() {
    for stage in ["Inspect", "Hash"] {
        let mut world = World::default();
        let version = world.put("incoming/a", b"1");
        if stage == "Inspect" {
            world.s3.delete(IN, &version.key, Some(&version.version_id));
        }
        let (mut run, mut step) = ReceiptProtocol::start(arrival(&version, None), &watched(), START);
        let verdict = loop {
            match step {
                Step::Perform(effect) => {
                    if matches!(effect, Effect::Hash(..)) {
                        world.s3.delete(IN, &version.key, Some(&version.version_id));
                    }
                    let outcome = perform(&mut world, &effect);
                    step = run.next(&watched(), outcome, world.now());
                }
                Step::Done(verdict) => break verdict,
                Step::Fault(fault) => panic!("{fault}"),
            }
        };
        assert_eq!(verdict.end, End::Gone, "{stage}");
        let receipt = only(&world, b"");
        assert_eq!((receipt.state, receipt.version_id.as_str()), (ReceiptState::Gone, "v1"));
        assert_eq!(plainly(&mut world, &version).0.end, End::Known);
    }
}

/// 403 is no answer to "is it there?": where the version is listed, the message goes back.
#[test]
fn denied_is_not_gone() {
    let mut world = World::default();
    let version = world.put("incoming/a", b"1");
    let denied = Fault::new("GetObject", "AccessDenied");
    for (inspect, hash) in [(true, false), (false, true)] {
        let result = deliver(&mut world, arrival(&version, None), |effect| match effect {
            Effect::Inspect(_) if inspect => Some(EffectResult::Unreadable(denied.clone())),
            Effect::Hash(..) if hash => Some(EffectResult::Unreadable(denied.clone())),
            _ => None,
        });
        assert_eq!(result.unwrap_err(), denied);
    }
    assert!(world.s3.list(OUT, "").is_empty());
}

/// Too long for the time left: said so, and completed by whoever has more time.
#[test]
fn deferred_and_completed() {
    let mut world = World::default();
    let version = world.put("incoming/huge", b"1");
    let out_of_time = |effect: &Effect| matches!(effect, Effect::Hash(..)).then_some(EffectResult::OutOfTime);
    for _ in 0..2 {
        let (verdict, _) = deliver(&mut world, arrival(&version, None), out_of_time).unwrap();
        assert_eq!(verdict.end, End::Deferred);
        assert_eq!(only(&world, b"1").state, ReceiptState::Deferred);
    }
    assert_eq!(plainly(&mut world, &version).0.end, End::Recorded);
    assert_eq!(records(&world, |_| Some(b"1".to_vec())).len(), 2);
    assert_eq!(plainly(&mut world, &version).0.end, End::Known);
}

/// Section 3 (000, 001): folder markers, what is not watched, and 001.12: records.
#[test]
fn skipped() {
    let mut world = World::default();
    let marker = world.put("incoming/", b"");
    let told = Arrival { size: Some(0), ..arrival(&marker, None) };
    let (verdict, calls) = deliver(&mut world, told, |_| None).unwrap();
    assert_eq!((verdict.end, calls.len()), (End::Skipped, 0));
    let (verdict, calls) = plainly(&mut world, &marker);
    assert_eq!(verdict.end, End::Skipped);
    assert_eq!(calls, ["CheckReceipt", "Inspect"], "the event did not say the size");
    for key in ["elsewhere/a", "provenance/raw/incoming/a/v1~.json", "journal/x", "ledger/x"] {
        let version = world.put(key, b"1");
        let (verdict, calls) = plainly(&mut world, &version);
        assert_eq!((verdict.end, calls.len()), (End::Skipped, 0), "{key}");
        assert!(verdict.why.is_some());
    }
    let with_bytes = world.put("incoming/folder/", b"1");
    assert_eq!(plainly(&mut world, &with_bytes).0.end, End::Recorded);
    let nothing = world.put("incoming/nothing", b"");
    assert_eq!(plainly(&mut world, &nothing).0.end, End::Recorded);
}

/// An event of a bucket that is not watched is kept, not lost.
#[test]
fn another_bucket_is_a_fault() {
    let mut arrival = arrival(&version("incoming/a", "v1"), None);
    arrival.bucket = "elsewhere".into();
    assert!(deliver(&mut World::default(), arrival, |_| None).is_err());
}

/// An event without a version-id is pinned by its ETag to its version, even if that is not the latest.
#[test]
fn pinned_late_by_etag() {
    let mut world = World::default();
    let first = world.put("incoming/a", b"1");
    let etag = world::etag(world.s3.get(IN, "incoming/a", None).unwrap());
    world.put("incoming/a", b"2");
    let unnamed = ObjectVersion { version_id: String::new(), ..first.clone() };
    let event = arrival(&unnamed, Some(&etag));
    let (verdict, calls) = deliver(&mut world, event, |_| None).unwrap();
    assert_eq!((verdict.end, &verdict.version), (End::Recorded, &first));
    assert_eq!(calls[0], "Pin");
    assert!(only(&world, b"1").pinned_late);
}

/// Without an ETag it is the newest, also under a delete marker.
#[test]
fn pinned_late_to_the_newest() {
    let mut world = World::default();
    world.put("incoming/a", b"1");
    let second = world.put("incoming/a", b"2");
    world.s3.delete(IN, "incoming/a", None);
    let unnamed = ObjectVersion { version_id: String::new(), ..second.clone() };
    let (verdict, _) = plainly(&mut world, &unnamed);
    assert_eq!((verdict.end, verdict.version), (End::Recorded, second));
}

/// What was gone before anybody learned its version-id has a record for the event, once.
#[test]
fn gone_before_it_had_a_name() {
    let mut world = World::default();
    let unnamed = version("incoming/a", "");
    let (verdict, calls) = plainly(&mut world, &unnamed);
    assert_eq!(verdict.end, End::Gone);
    assert_eq!(calls, ["Pin", "CheckReceipt", "Announce", "Write"]);
    let receipt = only(&world, b"");
    assert!(receipt.record_key().ends_with("/unknown-0055.json"));
    assert!(!receipt.pinned_late);
    let before = world.clone();
    let (verdict, calls) = plainly(&mut world, &unnamed);
    assert_eq!((verdict.end, calls.len()), (End::Known, 2));
    assert_eq!(world, before);
}

/// An outcome that does not answer the effect is a fault, never an end.
#[test]
fn the_wrong_answer_is_a_fault() {
    let mut world = World::default();
    world.put("incoming/a", b"1");
    let found = world.s3.versions(IN, "incoming/a")[0].listed(IN, "incoming/a");
    let wrong = [EffectResult::Done, EffectResult::Found(Some(found)), EffectResult::WrittenBefore];
    for outcome in wrong {
        let (mut run, _) = ReceiptProtocol::start(arrival(&version("incoming/a", "v1"), None), &watched(), START);
        assert!(matches!(run.next(&watched(), outcome, World::default().now()), Step::Fault(_)));
    }
}

/// The line of an end says what there is to say, escaped; and counts it.
#[test]
fn an_end_is_told() {
    let mut world = World::default();
    let version = world.put("incoming/a\nb", b"123");
    let handled = provenance::narrate::end(&plainly(&mut world, &version).0);
    assert_eq!(handled.fields["end"], "recorded");
    assert_eq!(handled.fields["key"], "incoming/a\\nb");
    assert_eq!(handled.fields["receipt"], "provenance/raw/incoming/a\\nb/v1~.json");
    let counted: Vec<_> = handled.metrics.iter().map(|(n, _, v)| (*n, *v)).collect();
    assert_eq!(counted, [("Receipts", 1), ("BytesHashed", 3)]);
}
