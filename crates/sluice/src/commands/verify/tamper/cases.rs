//! The cases.

use p256::ecdsa::Signature;
use sluice_types::digest::sha256;
use sluice_types::manifest;
use sluice_types::{JournalEntry, OperatorAction, OperatorRecord, Receipt, ReceiptState, Record as _, Timestamp};

use super::super::chain::Pin;
use super::super::evidence_fixture::{HOUR, Signer, VERSION, operation, receipt, receipt_key};
use super::case::{Case, Expected};
use super::support::{Deployment, Object, object};

const OFFLINE: &str = "offline: the evidence does not contain the versions";
const PENDING: &str = "offline: not found until the manifest of the hour is written";
const SEEN: &str = "offline: the ledger signs every record that it finds; only S3 and the trail disprove it";
const HARMLESS: &str = "a verification does not depend on it";

const fn case(target: &'static str, how: &'static str, what: &'static str, apply: fn(&mut Deployment)) -> Case {
    Case { target, how, what, apply, online: &[], offline: &[], note: "" }
}

impl Case {
    const fn online(self, online: Expected) -> Self {
        Self { online, ..self }
    }

    const fn offline(self, offline: Expected) -> Self {
        Self { offline, ..self }
    }

    const fn both(self, found: Expected) -> Self {
        self.online(found).offline(found)
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

pub(crate) const ALL: &[Case] = &[
    // --- object ---
    case("object", "alter", "its bytes are replaced, size and ETag kept", |d| d.object("1a").body = b"9z".to_vec())
        .online(&[("version-changed", "1a")]).note(OFFLINE),
    case("object", "alter", "its ETag is changed", |d| d.object("1a").etag = "f".into())
        .online(&[("version-changed", "1a")]).note(OFFLINE),
    case("object", "alter", "the copy of a refused version is replaced in quarantine", |d| {
        d.quarantine.insert("incoming/moved".into(), b"other".to_vec());
    }).online(&[("version-missing", "moved")]).note(OFFLINE),
    case("object", "remove", "a version is deleted", |d| d.delete("1a"))
        .online(&[("version-missing", "1a")]).note(OFFLINE),
    case("object", "remove", "a version and its receipt are deleted", |d| {
        d.delete("1a");
        d.evidence.files.remove(&receipt_key("1a"));
    }).both(&[("receipt-missing", "1a")]),
    case("object", "remove", "the copy of a refused version is deleted without a record", |d| {
        d.quarantine.clear();
    }).online(&[("version-missing", "moved")]).note(OFFLINE),
    case("object", "add", "a version is written while the rule is disabled", |d| d.objects.push(object(&receipt("new", 9))))
        .online(&[("version-unrecorded", "new")]).note(OFFLINE),
    case("object", "replay", "the bytes of an old version are put again while the rule is disabled", |d| {
        let old = d.object("0a").clone();
        d.objects.push(Object { version_id: VERSION.replace('b', "c"), ..old });
    }).online(&[("version-unrecorded", "0a")]).note(OFFLINE),
    case("object", "replay", "a version with a removal record exists again", |d| {
        d.objects.push(Object { body: b"xx".to_vec(), ..object(&receipt("removed", 9)) });
    }).online(&[("version-changed", "removed")]).note(OFFLINE),
    case("object", "reorder", "the bytes of two versions are swapped", |d| {
        let (one, other) = (d.object("1a").body.clone(), d.object("1b").body.clone());
        d.object("1a").body = other;
        d.object("1b").body = one;
    }).online(&[("version-changed", "1a"), ("version-changed", "1b")]).note(OFFLINE),
    case("object", "truncate", "its last byte is cut off", |d| _ = d.object("1a").body.pop())
        .online(&[("version-changed", "1a")]).note(OFFLINE),
    // --- receipt ---
    case("receipt", "alter", "its hash is changed", |d| {
        d.evidence.put(&Receipt { sha256: Some("0".repeat(64)), ..receipt("1a", HOUR + 60_000) });
    }).both(&[("receipt-changed", "1a")]),
    case("receipt", "alter", "a space is added", |d| d.file(&receipt_key("1a")).push(b' '))
        .both(&[("receipt-changed", "1a")]),
    case("receipt", "alter", "the hash of one that no manifest lists yet is changed", |d| {
        d.evidence.put(&Receipt { sha256: Some("0".repeat(64)), ..receipt("young", 5 * HOUR + 600_000) });
    }).online(&[("version-changed", "young")]).note(PENDING),
    case("receipt", "alter", "the same, after the manifest of the hour was written", |d| {
        d.evidence.put(&Receipt { sha256: Some("0".repeat(64)), ..receipt("young", 5 * HOUR + 600_000) });
        d.write_manifest();
    }).both(&[("receipt-changed", "young")]),
    case("receipt", "remove", "one that is listed is deleted", |d| _ = d.evidence.files.remove(&receipt_key("1a")))
        .both(&[("receipt-missing", "1a")]),
    case("receipt", "remove", "one that no manifest lists yet is deleted", |d| _ = d.evidence.files.remove(&receipt_key("young")))
        .online(&[("version-unrecorded", "young")]).note(PENDING),
    case("receipt", "add", "one is back-dated", |d| _ = d.evidence.put(&receipt("new", HOUR + 5)))
        .both(&[("receipt-unlisted", "new")]),
    case("receipt", "add", "one has a time in the future", |d| _ = d.evidence.put(&receipt("new", 2000 * HOUR)))
        .both(&[("receipt-unlisted", "new")]),
    case("receipt", "add", "one with the current time, of a version that never existed", |d| _ = d.evidence.put(&receipt("new", 5 * HOUR + 700_000)))
        .online(&[("receipt-unproven", "new")]).note(PENDING),
    case("receipt", "add", "the same, after the manifest of the hour was written", |d| {
        d.evidence.put(&receipt("new", 5 * HOUR + 700_000));
        d.write_manifest();
    }).both(&[("receipt-unlisted", "new")]),
    case("receipt", "add", "one with its journal entry, `hashed`, and the ledger has signed it", |d| {
        d.record(&receipt("new", 5 * HOUR + 700_000));
        d.write_manifest();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "one with its journal entry, `gone`, and the ledger has signed it", |d| {
        d.record(&Receipt { state: ReceiptState::Gone, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        d.write_manifest();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "one with its journal entry, `deferred`, and the ledger has signed it", |d| {
        d.record(&Receipt { state: ReceiptState::Deferred, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        d.write_manifest();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "one with its journal entry, `unreadable`, and the ledger has signed it", |d| {
        d.record(&Receipt { state: ReceiptState::Unreadable, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        d.write_manifest();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "`hashed`, listed in a manifest, at a time that no trail covers", |d| {
        d.log_times.clear();
        d.record(&receipt("new", 5 * HOUR + 700_000));
        d.write_manifest();
    }).online(&[("version-missing", "new")]).note(SEEN),
    case("receipt", "add", "`gone`, listed in a manifest, at a time that no trail covers", |d| {
        d.log_times.clear();
        d.record(&Receipt { state: ReceiptState::Gone, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        d.write_manifest();
    }).online(&[("unproven", "new")]).note(SEEN),
    case("receipt", "add", "`gone`, listed in a manifest, of a version that exists", |d| {
        d.objects.push(object(&receipt("new", 9)));
        d.record(&Receipt { state: ReceiptState::Gone, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        d.write_manifest();
    }).online(&[("version-unrecorded", "new")]).note(SEEN),
    case("receipt", "add", "a file that is not a receipt", |d| _ = d.evidence.files.insert("provenance/raw/junk.json".into(), b"{".to_vec()))
        .both(&[("receipt-unlisted", "junk.json")]),
    case("receipt", "replay", "that of another version, under the key of a listed one", |d| {
        let bytes = d.file(&receipt_key("0a")).clone();
        *d.file(&receipt_key("1a")) = bytes;
    }).both(&[("receipt-changed", "1a")]),
    case("receipt", "replay", "an old one, under the key of a version that is not recorded", |d| {
        let bytes = d.file(&receipt_key("0a")).clone();
        d.evidence.files.insert(receipt_key("new"), bytes);
    }).both(&[("receipt-unlisted", "new")]),
    case("receipt", "replay", "one that no manifest lists yet, under another key", |d| {
        let bytes = d.file(&receipt_key("young")).clone();
        d.evidence.files.insert(receipt_key("new"), bytes);
    }).both(&[("receipt-misplaced", "new")]),
    case("receipt", "reorder", "two are swapped", |d| d.swap(&receipt_key("1a"), &receipt_key("1b")))
        .both(&[("receipt-changed", "1a"), ("receipt-changed", "1b")]),
    case("receipt", "truncate", "its last byte is cut off", |d| _ = d.file(&receipt_key("1a")).pop())
        .both(&[("receipt-changed", "1a")]),
    case("receipt", "truncate", "all its bytes are cut off", |d| d.file(&receipt_key("1a")).clear())
        .both(&[("receipt-changed", "1a")]),
    // --- journal entry ---
    case("journal entry", "alter", "before the manifest", |d| {
        let key = receipt("young", 5 * HOUR + 600_000).journal_entry().key();
        d.file(&key)[20] ^= 1;
        d.write_manifest();
    }).both(&[("receipt-unlisted", "young")]),
    case("journal entry", "alter", "after the manifest", |d| {
        let key = receipt("1a", HOUR + 60_000).journal_entry().key();
        d.file(&key)[20] ^= 1;
    }).note("the manifest replaces it"),
    case("journal entry", "remove", "before the manifest", |d| {
        d.evidence.files.remove(&receipt("young", 5 * HOUR + 600_000).journal_entry().key());
        d.write_manifest();
    }).both(&[("receipt-unlisted", "young")]),
    case("journal entry", "remove", "after the manifest", |d| {
        d.evidence.files.remove(&receipt("1a", HOUR + 60_000).journal_entry().key());
    }).note("the manifest replaces it; a lifecycle rule deletes it anyway"),
    case("journal entry", "add", "without a receipt", |d| {
        let entry = receipt("new", 5 * HOUR + 700_000).journal_entry();
        d.evidence.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        d.write_manifest();
    }).note("it has no record; the summary counts it as `announced`"),
    case("journal entry", "add", "a second one for a receipt, with other bytes", |d| {
        let entry = receipt("1a", 5 * HOUR + 700_000).journal_entry();
        d.evidence.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        d.write_manifest();
    }).note("the receipt that was written first counts"),
    case("journal entry", "replay", "an old one under a key with the current time", |d| {
        let bytes = d.file(&receipt("1a", HOUR + 60_000).journal_entry().key()).clone();
        d.evidence.files.insert("journal/1970-01-01T05-30-00.000Z/again.json".into(), bytes);
        d.write_manifest();
    }).note(HARMLESS),
    case("journal entry", "replay", "an old receipt gets a new journal entry", |d| {
        let entry = JournalEntry { recorded_at: Timestamp::from_millis(5 * HOUR + 700_000), ..receipt("1a", HOUR + 60_000).journal_entry() };
        d.evidence.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        d.write_manifest();
    }).both(&[("listed-twice", "1a")]),
    case("journal entry", "reorder", "moved to another hour", |d| {
        let young = receipt("young", 5 * HOUR + 600_000);
        d.evidence.files.remove(&young.journal_entry().key());
        d.write_manifest();
        let entry = JournalEntry { recorded_at: Timestamp::from_millis(6 * HOUR + 5), ..young.journal_entry() };
        d.evidence.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        assert!(d.evidence.run_ledger(7 * HOUR + 60_000));
    }).both(&[("receipt-misplaced", "young")]),
    case("journal entry", "truncate", "before the manifest", |d| {
        let key = receipt("young", 5 * HOUR + 600_000).journal_entry().key();
        d.file(&key).truncate(9);
        d.write_manifest();
    }).both(&[("receipt-unlisted", "young")]),
    // --- manifest ---
    case("manifest", "alter", "one bit of what it lists", |d| d.file(&manifest::key(2))[90] ^= 1)
        .both(&[("manifest-signature", "000000000002")]),
    case("manifest", "alter", "a line feed is added", |d| d.file(&manifest::key(2)).push(b'\n'))
        .both(&[("manifest-signature", "000000000002")]),
    case("manifest", "alter", "the signature of the last one is replaced by (r, n - s)", replace_signature)
        .online(&[("manifest-signature", "000000000005"), ("ledger-behind", "000000000004")]).offline(&[("manifest-signature", "000000000005")]),
    case("manifest", "alter", "the same, and its original digest is pinned", |d| {
        d.pins.push(d.evidence.head());
        replace_signature(d);
    }).online(&[("manifest-signature", "000000000005"), ("ledger-behind", "000000000004")]).offline(&[("manifest-signature", "000000000005")]),
    case("manifest", "alter", "signed with another key", |d| resign(d, 2, &Signer::new()))
        .both(&[("manifest-signature", "000000000002")]),
    case("manifest", "alter", "signed again with the key, without one receipt", |d| {
        d.evidence.files.remove(&receipt_key("1a"));
        d.delete("1a");
        let mut statement = manifest::open(d.file(&manifest::key(2))).unwrap().statement;
        statement.subject.retain(|l| l.name != receipt_key("1a"));
        *d.file(&manifest::key(2)) = d.evidence.signer.seal(&statement);
    }).both(&[("manifest-chain", "000000000003")]),
    case("manifest", "alter", "all are signed with another key", |d| (1..=5).for_each(|n| resign(d, n, &Signer::new())))
        .both(&[("manifest-signature", "01.json"), ("manifest-signature", "02.json"), ("manifest-signature", "03.json"),
            ("manifest-signature", "04.json"), ("manifest-signature", "05.json"), ("ledger-behind", "ledger/")]),
    case("manifest", "remove", "the first", |d| _ = d.evidence.files.remove(&manifest::key(1)))
        .both(&[("manifest-chain", "000000000001")]),
    case("manifest", "remove", "one in between", |d| _ = d.evidence.files.remove(&manifest::key(3)))
        .both(&[("manifest-chain", "000000000003")]),
    case("manifest", "remove", "the last, and it is not pinned", |d| _ = d.evidence.files.remove(&manifest::key(5)))
        .online(&[("ledger-behind", "000000000004")]).note("offline: only a pin shows that it is missing, until the ledger is too old"),
    case("manifest", "remove", "the last, which is pinned", |d| {
        d.pins.push(d.evidence.head());
        d.evidence.files.remove(&manifest::key(5));
    }).online(&[("manifest-chain", "000000000005"), ("ledger-behind", "000000000004")]).offline(&[("manifest-chain", "000000000005")]),
    case("manifest", "remove", "all", |d| d.evidence.files.retain(|k, _| !k.starts_with("ledger/")))
        .both(&[("ledger-behind", "ledger/")]),
    case("manifest", "add", "the next one, signed with another key", |d| {
        let bytes = d.file(&manifest::key(5)).clone();
        d.evidence.files.insert(manifest::key(6), bytes);
        resign(d, 6, &Signer::new());
    }).both(&[("manifest-signature", "000000000006")]),
    case("manifest", "add", "a file that is not a manifest", |d| _ = d.evidence.files.insert("ledger/notes.txt".into(), Vec::new()))
        .both(&[("manifest-chain", "notes.txt")]),
    case("manifest", "replay", "an old one as the next", |d| {
        let bytes = d.file(&manifest::key(2)).clone();
        d.evidence.files.insert(manifest::key(6), bytes);
    }).both(&[("manifest-chain", "000000000006")]),
    case("manifest", "reorder", "two are swapped", |d| d.swap(&manifest::key(2), &manifest::key(3)))
        .both(&[("manifest-chain", "000000000002"), ("manifest-chain", "000000000003")]),
    case("manifest", "truncate", "its last byte is cut off", |d| _ = d.file(&manifest::key(2)).pop())
        .both(&[("manifest-signature", "000000000002")]),
    // --- pin ---
    case("pin", "alter", "another digest", |d| d.pins.push(Pin { sequence: 5, sha256: "0".repeat(64) }))
        .both(&[("manifest-chain", "000000000005")]),
    case("pin", "remove", "none is given", |d| d.pins.clear())
        .note("a truncated ledger is then found by its age, which takes longer"),
    case("pin", "add", "of a manifest that never existed", |d| d.pins.push(Pin { sequence: 99, sha256: "0".repeat(64) }))
        .both(&[("manifest-chain", "000000000099")]),
    case("pin", "replay", "an old one", |d| {
        let sha256 = sha256(d.file(&manifest::key(2)));
        d.pins.push(Pin { sequence: 2, sha256 });
    }).note("it is still correct, but proves less than a new one"),
    case("pin", "reorder", "the digests of two are swapped", |d| {
        for (sequence, other) in [(2, 3), (3, 2)] {
            let sha256 = sha256(d.file(&manifest::key(other)));
            d.pins.push(Pin { sequence, sha256 });
        }
    }).both(&[("manifest-chain", "000000000002"), ("manifest-chain", "000000000003")]),
    case("pin", "truncate", "its last digit is cut off", |d| {
        let mut text = d.evidence.head().to_string();
        text.pop();
        assert!(text.parse::<Pin>().is_err());
    }).note("the command line rejects it, exit code 2"),
    // --- operator record ---
    case("operator record", "alter", "it names another caller", |d| {
        let record = OperatorRecord { caller: "arn:aws:iam::1:user/eve".into(), ..removal() };
        *d.file(&record.record_key()) = record.bytes();
    }).online(&[("receipt-changed", "removed"), ("version-missing", "removed")]).offline(&[("receipt-changed", "removed")]),
    case("operator record", "remove", "one that is listed is deleted", |d| _ = d.evidence.files.remove(&removal().record_key()))
        .online(&[("receipt-missing", "removed"), ("version-missing", "removed")]).offline(&[("receipt-missing", "removed")]),
    case("operator record", "add", "a back-dated one, for a version that was deleted", |d| {
        d.delete("1a");
        let record = operation(OperatorAction::Remove, &receipt("1a", 0), HOUR + 5);
        d.evidence.files.insert(record.record_key(), record.bytes());
    }).online(&[("receipt-unlisted", "1a"), ("version-missing", "1a")]).offline(&[("receipt-unlisted", "1a")]),
    case("operator record", "add", "one with another SHA-256 and its journal entry, for a version that was deleted", |d| {
        d.delete("1a");
        d.operate(&operation(OperatorAction::Remove, &Receipt { key: "incoming/1a".into(), ..receipt("xx", 0) }, 5 * HOUR + 700_000));
        d.write_manifest();
    }).online(&[("version-missing", "1a")]).note(OFFLINE),
    case("operator record", "add", "one with its journal entry, for a version that was deleted", |d| {
        d.delete("1a");
        d.operate(&operation(OperatorAction::Remove, &receipt("1a", 0), 5 * HOUR + 700_000));
        d.write_manifest();
    }).note("it equals the record of an operator: `sluice verify` shows the version as removed, and by whom; the trail shows who wrote the record"),
    case("operator record", "replay", "that of another version, under the key of a version that was deleted", |d| {
        d.delete("1a");
        let bytes = d.file(&removal().record_key()).clone();
        let key = operation(OperatorAction::Remove, &receipt("1a", 0), 0).record_key();
        d.evidence.files.insert(key, bytes);
    }).online(&[("receipt-unlisted", "1a"), ("version-missing", "1a")]).offline(&[("receipt-unlisted", "1a")]),
    case("operator record", "reorder", "two are swapped", |d| {
        let release = operation(OperatorAction::Release, &receipt("released", 0), 0).record_key();
        d.swap(&release, &removal().record_key());
    }).online(&[("receipt-changed", "/released/"), ("receipt-changed", "/removed/"), ("version-missing", "/released/"), ("version-missing", "/removed/")])
        .offline(&[("receipt-changed", "/released/"), ("receipt-changed", "/removed/")]),
    case("operator record", "truncate", "its last byte is cut off", |d| _ = d.file(&removal().record_key()).pop())
        .online(&[("receipt-changed", "removed"), ("version-missing", "removed")]).offline(&[("receipt-changed", "removed")]),
];

fn removal() -> OperatorRecord {
    let at = 3 * HOUR + 60_000;
    operation(OperatorAction::Remove, &receipt("removed", at), at + 2)
}

fn resign(deployment: &mut Deployment, sequence: u64, by: &Signer) {
    let key = manifest::key(sequence);
    let statement = manifest::open(deployment.file(&key)).unwrap().statement;
    *deployment.file(&key) = by.seal(&statement);
}

/// Replaces the signature of the last manifest by the equivalent one with the high s, which can be computed without the key.
fn replace_signature(deployment: &mut Deployment) {
    let key = manifest::key(5);
    let opened = manifest::open(deployment.file(&key)).unwrap();
    let (r, s) = Signature::from_der(&opened.signature).unwrap().split_scalars();
    let other = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    let keys = deployment.evidence.signer.keys();
    assert!(keys.verify(&opened.signed, other.to_der().as_bytes()), "the signature is valid");
    let payload = opened.statement.payload();
    let sealed = manifest::seal(&payload, "alias/ledger", other.to_der().as_bytes());
    *deployment.file(&key) = sealed;
    assert!(!deployment.evidence.run_ledger(6 * HOUR + 60_000), "the ledger continues from it");
}
