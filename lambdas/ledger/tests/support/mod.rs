//! Performs the effects of the ledger on in-memory AWS services, and writes records.
#![allow(dead_code, reason = "each test uses a part")]

use lambda_support::fakes::{FakeAws, S3};
use lambda_support::{Protocol, Step};
use ledger::effect::{Body, Effect, EffectResult};
use ledger::protocol::{LedgerConfig, LedgerProtocol};
use ledger::request::{CloseUntil, RunRequest};
use p256::ecdsa::Signature;
use sluice_types::keys::{JOURNAL_PREFIX, LEDGER_PREFIX};
use sluice_types::manifest;
use sluice_types::signature::canonical;
use sluice_types::{JournalEntry, Timestamp};

pub(crate) const BUCKET: &str = "receipts";
/// The keys of one page: few, so that a period has several pages.
pub(crate) const PAGE_KEYS: usize = 2;

/// What a writer has written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Nothing,
    JournalEntry,
    Record,
}

/// A writer of one record: first its journal entry, then the record.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub entry: JournalEntry,
    pub bytes: Vec<u8>,
    pub begins: Phase,
}

pub(crate) fn writer(receipt: &str, at: u64, begins: Phase) -> Writer {
    let bytes = format!("{receipt} at {at}").into_bytes();
    Writer {
        entry: JournalEntry::new(format!("provenance/{receipt}.json"), &bytes, Timestamp::from_millis(at)),
        bytes,
        begins,
    }
}

pub(crate) fn advance(aws: &mut FakeAws, writer: &Writer, phase: Phase) -> Phase {
    match phase {
        Phase::Nothing => {
            let text = serde_json::to_vec(&writer.entry).unwrap();
            let _ = aws.s3.put(BUCKET, &writer.entry.key(), &text, true);
            Phase::JournalEntry
        }
        Phase::JournalEntry | Phase::Record => {
            let _ = aws.s3.put(BUCKET, &writer.entry.record_key, &writer.bytes, true);
            Phase::Record
        }
    }
}

pub(crate) fn bytes(s3: &S3, key: &str) -> Vec<u8> {
    s3.get(BUCKET, key, None).unwrap().body.as_deref().unwrap().to_vec()
}

/// Performs one effect.
pub(crate) fn perform(s3: &mut S3, effect: &Effect) -> EffectResult {
    let after = |s3: &S3, prefix: &str, after: &str| -> Vec<String> {
        let keys = s3.list(BUCKET, prefix).into_iter();
        keys.filter(|k| *k > after).map(str::to_owned).collect()
    };
    let read = |s3: &S3, keys: &[String]| {
        let bodies = keys.iter().map(|key| {
            let object = s3.get(BUCKET, key, None).ok()?;
            let bytes = object.body.as_deref()?.to_vec();
            Some(Body { bytes, sha256: object.sha256() })
        });
        EffectResult::Objects(bodies.collect())
    };
    match effect {
        Effect::FindManifest { after: sequence } => {
            let keys = after(s3, LEDGER_PREFIX, &manifest::key(*sequence));
            EffectResult::ManifestFound(keys.iter().find_map(|k| manifest::sequence_of(k)))
        }
        Effect::ReadManifest(sequence) => EffectResult::Manifest(bytes(s3, &manifest::key(*sequence))),
        Effect::ListJournal { after: key } => {
            let mut keys = after(s3, JOURNAL_PREFIX, key);
            let more = keys.len() > PAGE_KEYS;
            keys.truncate(PAGE_KEYS);
            EffectResult::JournalPage { keys, more }
        }
        Effect::ReadEntries(keys) | Effect::ReadRecords(keys) => read(s3, keys),
        Effect::Verify { digest, signature } => {
            EffectResult::Verified(canonical(&sign(digest)).is_ok_and(|honest| honest == *signature))
        }
        Effect::Sign(statement) => EffectResult::Signed(sign(&manifest::digest_to_sign(&statement.payload()))),
        Effect::WriteManifest { sequence, envelope } => match s3.put(BUCKET, &manifest::key(*sequence), envelope, true)
        {
            Ok(_) => EffectResult::ManifestWritten,
            Err(_) => EffectResult::ManifestExists,
        },
    }
}

/// Bytes in the form of a signature that depend on the digest. As with KMS, every second one has a high s.
pub(crate) fn sign(digest: &[u8; 32]) -> Vec<u8> {
    let mut s = [0x20; 32];
    s[..2].copy_from_slice(&[digest[0] | 1, digest[1]]);
    let integer = |bytes: &[u8]| {
        let zero = (bytes[0] >= 0x80).then_some(0);
        let length = u8::try_from(bytes.len()).unwrap() + u8::from(zero.is_some());
        let head = [2, length].into_iter().chain(zero);
        head.chain(bytes.iter().copied()).collect::<Vec<u8>>()
    };
    let mut r = *digest;
    r[0] = 0x11;
    let body = [integer(&r), integer(&s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

/// The other valid signature of the same message, derived without the key.
pub(crate) fn mirrored(signature: &[u8]) -> Vec<u8> {
    let signature = Signature::from_der(signature).unwrap();
    let (r, s) = signature.split_scalars();
    let mirrored = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    mirrored.to_der().as_bytes().to_vec()
}

pub(crate) fn request(close_until: CloseUntil) -> RunRequest {
    RunRequest { close_until, go_on_from: None }
}

pub(crate) fn config(max_listed_records: usize) -> LedgerConfig {
    LedgerConfig { signing_key: "alias/ledger".into(), max_listed_records }
}

/// Runs the protocol without faults.
pub(crate) fn run_through(
    aws: &mut FakeAws,
    config: &LedgerConfig,
    now: Timestamp,
    until: CloseUntil,
) -> LedgerProtocol {
    let (mut run, mut step) = LedgerProtocol::start(request(until), config, now);
    while let Step::Perform(effect) = step {
        step = run.next(config, perform(&mut aws.s3, &effect), now);
    }
    assert_eq!(step, Step::Done(()));
    run
}
