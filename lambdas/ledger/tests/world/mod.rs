//! The ledger's effects on the in-memory world, and those who record something in it.

use lambda_support::fakes::{FakeAws, S3};
use lambda_support::{Protocol, Step};
use ledger::effect::{Body, Effect, EffectResult};
use ledger::protocol::{LedgerProtocol, Plan};
use ledger::request::{Asked, Until};
use p256::ecdsa::Signature;
use sluice_types::keys::{JOURNAL_PREFIX, LEDGER_PREFIX};
use sluice_types::manifest;
use sluice_types::signature::canonical;
use sluice_types::{JournalEntry, Timestamp};

pub const BUCKET: &str = "receipts";
/// Small, so that a period has several pages.
pub const PAGE: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Nothing,
    Announced,
    Recorded,
}

/// Somebody who records something.
#[derive(Debug, Clone)]
pub struct Writer {
    pub entry: JournalEntry,
    pub bytes: Vec<u8>,
    pub begins: Phase,
}

pub fn writer(receipt: &str, at: u64, begins: Phase) -> Writer {
    let bytes = format!("{receipt} at {at}").into_bytes();
    Writer {
        entry: JournalEntry::new(format!("provenance/{receipt}.json"), &bytes, Timestamp::from_millis(at)),
        bytes,
        begins,
    }
}

pub fn advance(world: &mut FakeAws, writer: &Writer, phase: Phase) -> Phase {
    match phase {
        Phase::Nothing => {
            let text = serde_json::to_vec(&writer.entry).unwrap();
            let _ = world.s3.put(BUCKET, &writer.entry.key(), &text, true);
            Phase::Announced
        }
        Phase::Announced | Phase::Recorded => {
            let _ = world.s3.put(BUCKET, &writer.entry.record_key, &writer.bytes, true);
            Phase::Recorded
        }
    }
}

pub fn bytes(s3: &S3, key: &str) -> Vec<u8> {
    s3.get(BUCKET, key, None).unwrap().body.as_deref().unwrap().to_vec()
}

/// One effect on the world, as S3 and KMS would answer it.
pub fn perform(s3: &mut S3, effect: &Effect) -> EffectResult {
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
        EffectResult::Read(bodies.collect())
    };
    match effect {
        Effect::NextManifest { after: sequence } => {
            let keys = after(s3, LEDGER_PREFIX, &manifest::key(*sequence));
            EffectResult::Next(keys.iter().find_map(|k| manifest::sequence_of(k)))
        }
        Effect::ReadManifest(sequence) => EffectResult::Manifest(bytes(s3, &manifest::key(*sequence))),
        Effect::ListJournal { after: key } => {
            let mut keys = after(s3, JOURNAL_PREFIX, key);
            let more = keys.len() > PAGE;
            keys.truncate(PAGE);
            EffectResult::Page { keys, more }
        }
        Effect::ReadEntries(keys) | Effect::ReadRecords(keys) => read(s3, keys),
        Effect::Verify { digest, signature } => {
            EffectResult::Verified(canonical(&sign(digest)).is_ok_and(|honest| honest == *signature))
        }
        Effect::Sign(statement) => EffectResult::Signed(sign(&manifest::digest_to_sign(&statement.payload()))),
        Effect::Write { sequence, envelope } => match s3.put(BUCKET, &manifest::key(*sequence), envelope, true) {
            Ok(_) => EffectResult::Written,
            Err(_) => EffectResult::WrittenBefore,
        },
    }
}

/// Something in the form of a signature that depends on the digest; with a high s as often as KMS has it.
pub fn sign(digest: &[u8; 32]) -> Vec<u8> {
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

/// The other signature of the same message, which anybody can make without the key.
pub fn mirrored(signature: &[u8]) -> Vec<u8> {
    let signature = Signature::from_der(signature).unwrap();
    let (r, s) = signature.split_scalars();
    let mirrored = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    mirrored.to_der().as_bytes().to_vec()
}

pub fn asked(until: Until) -> Asked {
    Asked { until, go_on_from: None }
}

pub fn plan(max_listed: usize) -> Plan {
    Plan { key: "alias/ledger".into(), max_listed }
}

/// Lets `until` run to its end at once, in a world where nothing goes wrong.
pub fn run_through(world: &mut FakeAws, plan: &Plan, now: Timestamp, until: Until) -> LedgerProtocol {
    let (mut run, mut step) = LedgerProtocol::start(asked(until), plan, now);
    while let Step::Perform(effect) = step {
        step = run.next(plan, perform(&mut world.s3, &effect), now);
    }
    assert_eq!(step, Step::Done(()));
    run
}
