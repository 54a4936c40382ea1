//! Every outcome, and every branch of the protocol that leads to it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lambda_support::{Arrival, Fault};
use lambda_support::{Protocol, Step};
use provenance::effect::{Effect, EffectResult};
use provenance::protocol::{Outcome, ReceiptProtocol, Verdict};
use provenance::record_writer::WriteResult;
use sluice_types::{ObjectVersion, Receipt, ReceiptState, Record};
use support::{Deployment, IN, OUT, START, arrival, check_verdict, perform, records, version, watched};

/// Delivers one event, with `replacement` results for some effects; returns its verdict and the names of its effects.
fn deliver(
    deployment: &mut Deployment,
    arrival: Arrival,
    replacement: impl Fn(&Effect) -> Option<EffectResult>,
) -> Result<(Verdict, Vec<String>), Fault> {
    let (mut protocol, mut step) = ReceiptProtocol::start(arrival, &watched(), START);
    let mut calls = Vec::new();
    loop {
        match step {
            Step::Done(verdict) => {
                check_verdict(deployment, &verdict);
                return Ok((*verdict, calls));
            }
            Step::Fault(fault) => return Err(fault),
            Step::Perform(effect) => {
                let debug = format!("{effect:?}");
                let name = debug.split([' ', '(', '{']).next().unwrap();
                calls.push(name.to_owned());
                let result = replacement(&effect).unwrap_or_else(|| perform(deployment, &effect));
                step = protocol.next(&watched(), result, deployment.now());
            }
        }
    }
}

fn deliver_unchanged(deployment: &mut Deployment, version: &ObjectVersion) -> (Verdict, Vec<String>) {
    deliver(deployment, arrival(version, None), |_| None).unwrap()
}

fn only_record(deployment: &Deployment, bytes: &[u8]) -> Receipt {
    let mut all = records(deployment, |_| Some(bytes.to_vec()));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The receipt has the hash and what the event and S3 report, under a key that mirrors the object's.
#[test]
fn a_new_version_is_recorded() {
    let mut deployment = Deployment::default();
    let version = deployment.put("incoming/2025/a b.csv", b"1,2");
    let (verdict, calls) = deliver_unchanged(&mut deployment, &version);
    assert_eq!(verdict.outcome, Outcome::Recorded);
    assert_eq!(calls, ["CheckReceipt", "Inspect", "Hash", "WriteJournalEntry", "WriteRecord"]);
    let receipt = only_record(&deployment, b"1,2");
    assert_eq!(receipt.record_key(), "provenance/raw/incoming/2025/a b.csv/v1~.json");
    assert_eq!(receipt.recorded_at, deployment.now(), "the time after hashing");
    assert_eq!(receipt.event_time.as_deref(), Some("2025-11-23T14:05:09Z"));
    assert_eq!(receipt.sequencer.as_deref(), Some("0055"));
    assert!(receipt.last_modified.is_some() && receipt.etag.is_some());
    assert!(!receipt.pinned_late);
}

#[test]
fn a_redelivery_finds_the_receipt_and_writes_nothing() {
    let mut deployment = Deployment::default();
    let version = deployment.put("incoming/a", b"1");
    deliver_unchanged(&mut deployment, &version);
    let before = deployment.clone();
    let (verdict, calls) = deliver_unchanged(&mut deployment, &version);
    assert_eq!((verdict.outcome, calls), (Outcome::Known, vec!["CheckReceipt".to_owned()]));
    assert_eq!(deployment, before);
}

/// Another delivery writes the receipt between this one's check and its write.
#[test]
fn the_first_of_two_writers_wins() {
    let mut deployment = Deployment::default();
    let version = deployment.put("incoming/a", b"1");
    deliver_unchanged(&mut deployment, &version);
    let receipt = only_record(&deployment, b"1");
    let (verdict, calls) = deliver(&mut deployment, arrival(&version, None), |effect| {
        matches!(effect, Effect::CheckReceipt(_)).then_some(EffectResult::ReceiptExists(false))
    })
    .unwrap();
    assert_eq!((verdict.outcome, calls.len()), (Outcome::Known, 5));
    assert_eq!(only_record(&deployment, b"1"), receipt);
}

#[test]
fn each_version_of_a_key_has_its_own_receipt() {
    let mut deployment = Deployment::default();
    for _ in 0..3 {
        let version = deployment.put("incoming/a", b"1");
        assert_eq!(deliver_unchanged(&mut deployment, &version).0.outcome, Outcome::Recorded);
    }
    assert_eq!(records(&deployment, |_| Some(b"1".to_vec())).len(), 3);
}

#[test]
fn a_version_that_is_deleted_before_or_while_it_is_read_is_recorded_as_gone() {
    for stage in ["Inspect", "Hash"] {
        let mut deployment = Deployment::default();
        let version = deployment.put("incoming/a", b"1");
        if stage == "Inspect" {
            deployment.s3.delete(IN, &version.key, Some(&version.version_id));
        }
        let (mut protocol, mut step) = ReceiptProtocol::start(arrival(&version, None), &watched(), START);
        let verdict = loop {
            match step {
                Step::Perform(effect) => {
                    if matches!(effect, Effect::Hash(..)) {
                        deployment.s3.delete(IN, &version.key, Some(&version.version_id));
                    }
                    let outcome = perform(&mut deployment, &effect);
                    step = protocol.next(&watched(), outcome, deployment.now());
                }
                Step::Done(verdict) => break verdict,
                Step::Fault(fault) => panic!("{fault}"),
            }
        };
        assert_eq!(verdict.outcome, Outcome::Gone, "{stage}");
        let receipt = only_record(&deployment, b"");
        assert_eq!((receipt.state, receipt.version_id.as_str()), (ReceiptState::Gone, "v1"));
        assert_eq!(deliver_unchanged(&mut deployment, &version).0.outcome, Outcome::Known);
    }
}

/// A 403 does not show whether the version exists: if it is listed, the message is retried.
#[test]
fn a_listed_version_that_is_denied_is_a_fault() {
    let mut deployment = Deployment::default();
    let version = deployment.put("incoming/a", b"1");
    let denied = Fault::new("GetObject", "AccessDenied");
    for (inspect, hash) in [(true, false), (false, true)] {
        let result = deliver(&mut deployment, arrival(&version, None), |effect| match effect {
            Effect::Inspect(_) if inspect => Some(EffectResult::NotAccessible(denied.clone())),
            Effect::Hash(..) if hash => Some(EffectResult::NotAccessible(denied.clone())),
            _ => None,
        });
        assert_eq!(result.unwrap_err(), denied);
    }
    assert!(deployment.s3.list(OUT, "").is_empty());
}

#[test]
fn a_version_without_time_to_hash_is_deferred_and_recorded_later() {
    let mut deployment = Deployment::default();
    let version = deployment.put("incoming/huge", b"1");
    let out_of_time = |effect: &Effect| matches!(effect, Effect::Hash(..)).then_some(EffectResult::OutOfTime);
    for _ in 0..2 {
        let (verdict, _) = deliver(&mut deployment, arrival(&version, None), out_of_time).unwrap();
        assert_eq!(verdict.outcome, Outcome::Deferred);
        assert_eq!(only_record(&deployment, b"1").state, ReceiptState::Deferred);
    }
    assert_eq!(deliver_unchanged(&mut deployment, &version).0.outcome, Outcome::Recorded);
    assert_eq!(records(&deployment, |_| Some(b"1".to_vec())).len(), 2);
    assert_eq!(deliver_unchanged(&mut deployment, &version).0.outcome, Outcome::Known);
}

#[test]
fn folder_markers_unwatched_keys_and_evidence_are_skipped() {
    let mut deployment = Deployment::default();
    let marker = deployment.put("incoming/", b"");
    let with_size = Arrival { size: Some(0), ..arrival(&marker, None) };
    let (verdict, calls) = deliver(&mut deployment, with_size, |_| None).unwrap();
    assert_eq!((verdict.outcome, calls.len()), (Outcome::Skipped, 0));
    let (verdict, calls) = deliver_unchanged(&mut deployment, &marker);
    assert_eq!(verdict.outcome, Outcome::Skipped);
    assert_eq!(calls, ["CheckReceipt", "Inspect"], "the event has no size");
    for key in ["elsewhere/a", "provenance/raw/incoming/a/v1~.json", "journal/x", "ledger/x"] {
        let version = deployment.put(key, b"1");
        let (verdict, calls) = deliver_unchanged(&mut deployment, &version);
        assert_eq!((verdict.outcome, calls.len()), (Outcome::Skipped, 0), "{key}");
        assert!(verdict.skip_reason.is_some());
    }
    let with_bytes = deployment.put("incoming/folder/", b"1");
    assert_eq!(deliver_unchanged(&mut deployment, &with_bytes).0.outcome, Outcome::Recorded);
    let empty = deployment.put("incoming/nothing", b"");
    assert_eq!(deliver_unchanged(&mut deployment, &empty).0.outcome, Outcome::Recorded);
}

/// The message becomes a dead letter; it is not lost.
#[test]
fn an_event_about_an_unwatched_bucket_is_a_fault() {
    let mut arrival = arrival(&version("incoming/a", "v1"), None);
    arrival.bucket = "elsewhere".into();
    assert!(deliver(&mut Deployment::default(), arrival, |_| None).is_err());
}

#[test]
fn an_event_without_a_version_id_is_resolved_by_its_etag() {
    let mut deployment = Deployment::default();
    let first = deployment.put("incoming/a", b"1");
    let etag = support::etag(deployment.s3.get(IN, "incoming/a", None).unwrap());
    deployment.put("incoming/a", b"2");
    let unnamed = ObjectVersion { version_id: String::new(), ..first.clone() };
    let event = arrival(&unnamed, Some(&etag));
    let (verdict, calls) = deliver(&mut deployment, event, |_| None).unwrap();
    assert_eq!((verdict.outcome, &verdict.version), (Outcome::Recorded, &first));
    assert_eq!(calls[0], "ResolveVersion");
    assert!(only_record(&deployment, b"1").pinned_late);
}

#[test]
fn an_event_without_version_id_and_etag_is_resolved_to_the_newest_version_under_a_delete_marker() {
    let mut deployment = Deployment::default();
    deployment.put("incoming/a", b"1");
    let second = deployment.put("incoming/a", b"2");
    deployment.s3.delete(IN, "incoming/a", None);
    let unnamed = ObjectVersion { version_id: String::new(), ..second.clone() };
    let (verdict, _) = deliver_unchanged(&mut deployment, &unnamed);
    assert_eq!((verdict.outcome, verdict.version), (Outcome::Recorded, second));
}

#[test]
fn a_version_that_is_gone_before_its_version_id_is_known_is_recorded_once() {
    let mut deployment = Deployment::default();
    let unnamed = version("incoming/a", "");
    let (verdict, calls) = deliver_unchanged(&mut deployment, &unnamed);
    assert_eq!(verdict.outcome, Outcome::Gone);
    assert_eq!(calls, ["ResolveVersion", "CheckReceipt", "WriteJournalEntry", "WriteRecord"]);
    let receipt = only_record(&deployment, b"");
    assert!(receipt.record_key().ends_with("/unknown-0055.json"));
    assert!(!receipt.pinned_late);
    let before = deployment.clone();
    let (verdict, calls) = deliver_unchanged(&mut deployment, &unnamed);
    assert_eq!((verdict.outcome, calls.len()), (Outcome::Known, 2));
    assert_eq!(deployment, before);
}

#[test]
fn a_result_of_another_effect_is_a_fault() {
    let mut deployment = Deployment::default();
    deployment.put("incoming/a", b"1");
    let listed = deployment.s3.versions(IN, "incoming/a")[0].listed(IN, "incoming/a");
    let results = [
        EffectResult::JournalEntryWritten,
        EffectResult::Listed(Some(listed)),
        EffectResult::RecordWritten(WriteResult::AlreadyExists),
    ];
    for result in results {
        let (mut protocol, _) = ReceiptProtocol::start(arrival(&version("incoming/a", "v1"), None), &watched(), START);
        assert!(matches!(protocol.next(&watched(), result, START), Step::Fault(_)));
    }
}

#[test]
fn log_fields_are_escaped_and_outcomes_counted() {
    let mut deployment = Deployment::default();
    let version = deployment.put("incoming/a\nb", b"123");
    let handled = provenance::messages::handled(&deliver_unchanged(&mut deployment, &version).0);
    assert_eq!(handled.fields["end"], "recorded");
    assert_eq!(handled.fields["key"], "incoming/a\\nb");
    assert_eq!(handled.fields["receipt"], "provenance/raw/incoming/a\\nb/v1~.json");
    let counted: Vec<_> = handled.metrics.iter().map(|(n, _, v)| (*n, *v)).collect();
    assert_eq!(counted, [("Receipts", 1), ("BytesHashed", 3)]);
}
