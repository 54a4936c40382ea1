//! Which manifests a run writes, and which last manifest it continues from.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lambda_support::fakes::FakeAws;
use lambda_support::{Protocol, Step};
use ledger::protocol::LedgerProtocol;
use ledger::request::{CloseUntil, RunRequest};
use sluice_types::digest::sha256;
use sluice_types::manifest;
use sluice_types::signature::canonical;
use sluice_types::{JournalEntry, Timestamp};
use support::{BUCKET, Phase, advance, bytes, config, mirrored, perform, request, run_through, sign, writer};

const HOUR: u64 = 3_600_000;

/// 02:05. Periods are closed until 02:00, on request until 02:04.
const NOW: Timestamp = Timestamp::from_millis(2 * HOUR + 300_000);

#[test]
fn invalid_journal_entries_are_listed_by_their_own_key() {
    let mut aws = FakeAws::default();
    let good = writer("good", 7, Phase::Record);
    for key in [
        format!("{}x.json", JournalEntry::key_prefix(Timestamp::from_millis(6))),
        format!("{}y.json", JournalEntry::key_prefix(Timestamp::from_millis(8))),
    ] {
        aws.s3.put(BUCKET, &key, b"{", true).unwrap();
    }
    let elsewhere = JournalEntry::new("journal/a".into(), b"", Timestamp::from_millis(9));
    let text = serde_json::to_vec(&elsewhere).unwrap();
    aws.s3.put(BUCKET, &elsewhere.key(), &text, true).unwrap();
    let early = JournalEntry { recorded_at: Timestamp::from_millis(5), ..good.entry.clone() };
    let text = serde_json::to_vec(&good.entry).unwrap();
    aws.s3.put(BUCKET, &early.key(), &text, true).unwrap();
    advance(&mut aws, &good, Phase::Nothing);
    advance(&mut aws, &good, Phase::JournalEntry);
    let run = run_through(&mut aws, &config(100), NOW, CloseUntil::FullHour);
    assert_eq!((run.written[0].listed, run.written[0].announced), (1, 4));
}

/// Invalid objects in the journal cannot prevent a period from being closed.
#[test]
fn a_period_with_too_many_invalid_entries_is_split() {
    let mut aws = FakeAws::default();
    for at in 1..=40 {
        let key = format!("{}x-{at}", JournalEntry::key_prefix(Timestamp::from_millis(at / 2)));
        aws.s3.put(BUCKET, &key, b"{", true).unwrap();
    }
    let run = run_through(&mut aws, &config(3), NOW, CloseUntil::FullHour);
    let counts: Vec<usize> = run.written.iter().map(|w| w.announced).collect();
    assert!(counts.iter().all(|count| *count <= 5), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 40);
}

#[test]
fn the_last_manifest_is_found_in_ledgers_of_any_length() {
    for count in [1, 2, 3, 7, 8, 9, 30] {
        let mut aws = FakeAws::default();
        for hour in 0..count {
            run_through(&mut aws, &config(100), Timestamp::from_millis(hour * HOUR + 60_000), CloseUntil::FullHour);
        }
        let run =
            run_through(&mut aws, &config(100), Timestamp::from_millis(count * HOUR + 60_000), CloseUntil::FullHour);
        assert_eq!(run.written.len(), 1, "{count}");
        assert_eq!(run.head.unwrap().sequence, count + 1);
    }
}

#[test]
fn no_manifest_follows_one_that_is_invalid_or_from_the_future() {
    let mut aws = FakeAws::default();
    run_through(&mut aws, &config(100), Timestamp::from_millis(60_000), CloseUntil::FullHour);
    let honest = bytes(&aws.s3, &manifest::key(1));
    let assert_fault = |aws: &mut FakeAws, now: Timestamp, key: &str| {
        let (mut protocol, mut step) = LedgerProtocol::start(request(CloseUntil::FullHour), &config(100), now);
        for _ in 0..200 {
            let Step::Perform(effect) = step else { break };
            step = protocol.next(&config(100), perform(&mut aws.s3, &effect), NOW);
        }
        let Step::Fault(fault) = step else { panic!("{step:?}") };
        assert!(fault.to_string().contains(key), "{fault}");
    };
    let changed = [honest.as_slice(), b"\n"].concat();
    let mut other = aws.clone();
    let put = other.s3.put(BUCKET, &manifest::key(1), &changed, false);
    put.unwrap();
    assert_fault(&mut other, NOW, &manifest::key(1));
    let mut other = aws.clone();
    other.s3.put(BUCKET, &manifest::key(2), &honest, true).unwrap();
    assert_fault(&mut other, NOW, &manifest::key(2));
    let far = manifest::key(manifest::MAX_SEQUENCE);
    let mut other = aws.clone();
    other.s3.put(BUCKET, &far, b"{", true).unwrap();
    assert_fault(&mut other, NOW, &far);
    run_through(&mut aws, &config(100), NOW, CloseUntil::FullHour);
    assert_fault(&mut aws, Timestamp::from_millis(HOUR + 1), &manifest::key(3));
}

/// Neither the other valid signature nor one of another key is accepted, unless the request names exactly this manifest.
#[test]
fn no_manifest_follows_one_that_the_key_did_not_sign() {
    let mut aws = FakeAws::default();
    run_through(&mut aws, &config(100), Timestamp::from_millis(60_000), CloseUntil::FullHour);
    let key = manifest::key(1);
    let honest = manifest::open(&bytes(&aws.s3, &key)).unwrap();
    let payload = honest.statement.payload();
    let mirrored = mirrored(&honest.signature);
    let unsigned = canonical(&sign(&[7; 32])).unwrap();
    for (signature, message) in [(&mirrored, "low s"), (&unsigned, "go_on_from")] {
        let mut aws = aws.clone();
        let forged = manifest::seal(&payload, "alias/ledger", signature);
        aws.s3.put(BUCKET, &key, &forged, false).unwrap();
        let last_step = |aws: &mut FakeAws, go_on_from: Option<String>| {
            let request = RunRequest { close_until: CloseUntil::Now, go_on_from };
            let (mut protocol, mut step) = LedgerProtocol::start(request, &config(100), NOW);
            while let Step::Perform(effect) = step {
                step = protocol.next(&config(100), perform(&mut aws.s3, &effect), NOW);
            }
            step
        };
        let named = Some(format!("1:{}", sha256(&forged)));
        for from in [None, Some(format!("1:{}", sha256(b"other")))] {
            let Step::Fault(fault) = last_step(&mut aws, from) else { panic!("it continued") };
            assert!(fault.to_string().contains(message), "{fault}");
        }
        assert_eq!(last_step(&mut aws, named) == Step::Done(()), message == "go_on_from");
    }
}
