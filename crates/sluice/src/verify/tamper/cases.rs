//! The list.

use p256::ecdsa::Signature;
use sluice_types::digest::sha256 as digest;
use sluice_types::manifest;
use sluice_types::{JournalEntry as Entry, Record};

use super::super::chain::Pin;
use super::super::tree::{Signer, VERSION, of};
use super::world::{Object, object};
use super::*;

const OFFLINE: &str = "offline: a copy of the evidence says nothing about the versions";
const PENDING: &str = "offline: until the hour's manifest";
const SEEN: &str = "offline: the ledger signs what it has seen; only S3 and the trail know better";
const HARMLESS: &str = "it changes nothing that a verification relies on";

const fn case(target: &'static str, how: &'static str, what: &'static str, apply: fn(&mut World)) -> Case {
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

pub const ALL: &[Case] = &[
    // --- object ---
    case("object", "alter", "its bytes are replaced, size and ETag kept", |w| w.object("1a").body = b"9z".to_vec())
        .online(&[("version-changed", "1a")]).note(OFFLINE),
    case("object", "alter", "its ETag is another", |w| w.object("1a").etag = "f".into())
        .online(&[("version-changed", "1a")]).note(OFFLINE),
    case("object", "alter", "the copy of a refused version is replaced in quarantine", |w| {
        w.quarantine.insert("incoming/moved".into(), b"other".to_vec());
    }).online(&[("version-missing", "moved")]).note(OFFLINE),
    case("object", "remove", "a version is deleted", |w| w.delete("1a"))
        .online(&[("version-missing", "1a")]).note(OFFLINE),
    case("object", "remove", "a version and its receipt are deleted", |w| {
        w.delete("1a");
        w.tree.files.remove(&of("1a"));
    }).both(&[("receipt-missing", "1a")]),
    case("object", "remove", "the copy of a refused version is deleted without a record", |w| {
        w.quarantine.clear();
    }).online(&[("version-missing", "moved")]).note(OFFLINE),
    case("object", "add", "a version is written while the rule is off", |w| w.objects.push(object(&receipt("new", 9))))
        .online(&[("version-unrecorded", "new")]).note(OFFLINE),
    case("object", "replay", "the bytes of an old version are put again while the rule is off", |w| {
        let old = w.object("0a").clone();
        w.objects.push(Object { version_id: VERSION.replace('b', "c"), ..old });
    }).online(&[("version-unrecorded", "0a")]).note(OFFLINE),
    case("object", "replay", "a version that was removed on record is there again", |w| {
        w.objects.push(Object { body: b"xx".to_vec(), ..object(&receipt("removed", 9)) });
    }).online(&[("version-changed", "removed")]).note(OFFLINE),
    case("object", "reorder", "the bytes of two versions are swapped", |w| {
        let (one, other) = (w.object("1a").body.clone(), w.object("1b").body.clone());
        w.object("1a").body = other;
        w.object("1b").body = one;
    }).online(&[("version-changed", "1a"), ("version-changed", "1b")]).note(OFFLINE),
    case("object", "truncate", "its last byte is cut off", |w| _ = w.object("1a").body.pop())
        .online(&[("version-changed", "1a")]).note(OFFLINE),
    // --- receipt ---
    case("receipt", "alter", "its hash is another", |w| {
        w.tree.put(&Receipt { sha256: Some("0".repeat(64)), ..receipt("1a", HOUR + 60_000) });
    }).both(&[("receipt-changed", "1a")]),
    case("receipt", "alter", "a space is added", |w| w.file(&of("1a")).push(b' '))
        .both(&[("receipt-changed", "1a")]),
    case("receipt", "alter", "one that no manifest lists yet has another hash", |w| {
        w.tree.put(&Receipt { sha256: Some("0".repeat(64)), ..receipt("young", 5 * HOUR + 600_000) });
    }).online(&[("version-changed", "young")]).note(PENDING),
    case("receipt", "alter", "the same, and the hour's manifest has come", |w| {
        w.tree.put(&Receipt { sha256: Some("0".repeat(64)), ..receipt("young", 5 * HOUR + 600_000) });
        w.seal();
    }).both(&[("receipt-changed", "young")]),
    case("receipt", "remove", "one that is listed is deleted", |w| _ = w.tree.files.remove(&of("1a")))
        .both(&[("receipt-missing", "1a")]),
    case("receipt", "remove", "one that no manifest lists yet is deleted", |w| _ = w.tree.files.remove(&of("young")))
        .online(&[("version-unrecorded", "young")]).note(PENDING),
    case("receipt", "add", "one is back-dated", |w| _ = w.tree.put(&receipt("new", HOUR + 5)))
        .both(&[("receipt-unlisted", "new")]),
    case("receipt", "add", "one is of a time to come", |w| _ = w.tree.put(&receipt("new", 2000 * HOUR)))
        .both(&[("receipt-unlisted", "new")]),
    case("receipt", "add", "one of now, of a version that never was", |w| _ = w.tree.put(&receipt("new", 5 * HOUR + 700_000)))
        .online(&[("receipt-unproven", "new")]).note(PENDING),
    case("receipt", "add", "the same, and the hour's manifest has come", |w| {
        w.tree.put(&receipt("new", 5 * HOUR + 700_000));
        w.seal();
    }).both(&[("receipt-unlisted", "new")]),
    case("receipt", "add", "one with its journal entry, `hashed`, and the ledger has signed it", |w| {
        w.record(&receipt("new", 5 * HOUR + 700_000));
        w.seal();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "one with its journal entry, `gone`, and the ledger has signed it", |w| {
        w.record(&Receipt { state: State::Gone, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        w.seal();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "one with its journal entry, `deferred`, and the ledger has signed it", |w| {
        w.record(&Receipt { state: State::Deferred, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        w.seal();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "one with its journal entry, `unreadable`, and the ledger has signed it", |w| {
        w.record(&Receipt { state: State::Unreadable, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        w.seal();
    }).online(&[("receipt-unproven", "new")]).note(SEEN),
    case("receipt", "add", "`hashed`, signed for, of a time that no trail covers", |w| {
        w.stamps.clear();
        w.record(&receipt("new", 5 * HOUR + 700_000));
        w.seal();
    }).online(&[("version-missing", "new")]).note(SEEN),
    case("receipt", "add", "`gone`, signed for, of a time that no trail covers", |w| {
        w.stamps.clear();
        w.record(&Receipt { state: State::Gone, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        w.seal();
    }).online(&[("unproven", "new")]).note(SEEN),
    case("receipt", "add", "`gone`, signed for, of a version that is there", |w| {
        w.objects.push(object(&receipt("new", 9)));
        w.record(&Receipt { state: State::Gone, sha256: None, ..receipt("new", 5 * HOUR + 700_000) });
        w.seal();
    }).online(&[("version-unrecorded", "new")]).note(SEEN),
    case("receipt", "add", "a file that is no receipt", |w| _ = w.tree.files.insert("provenance/raw/junk.json".into(), b"{".to_vec()))
        .both(&[("receipt-unlisted", "junk.json")]),
    case("receipt", "replay", "that of another version, in the place of one that is listed", |w| {
        let bytes = w.file(&of("0a")).clone();
        *w.file(&of("1a")) = bytes;
    }).both(&[("receipt-changed", "1a")]),
    case("receipt", "replay", "an old one, in the place of a version that is not recorded", |w| {
        let bytes = w.file(&of("0a")).clone();
        w.tree.files.insert(of("new"), bytes);
    }).both(&[("receipt-unlisted", "new")]),
    case("receipt", "replay", "a young one, in the place of another", |w| {
        let bytes = w.file(&of("young")).clone();
        w.tree.files.insert(of("new"), bytes);
    }).both(&[("receipt-misplaced", "new")]),
    case("receipt", "reorder", "two are swapped", |w| w.swap(&of("1a"), &of("1b")))
        .both(&[("receipt-changed", "1a"), ("receipt-changed", "1b")]),
    case("receipt", "truncate", "its last byte is cut off", |w| _ = w.file(&of("1a")).pop())
        .both(&[("receipt-changed", "1a")]),
    case("receipt", "truncate", "all its bytes are cut off", |w| w.file(&of("1a")).clear())
        .both(&[("receipt-changed", "1a")]),
    // --- journal entry ---
    case("journal entry", "alter", "before the manifest", |w| {
        let key = receipt("young", 5 * HOUR + 600_000).journal_entry().key();
        w.file(&key)[20] ^= 1;
        w.seal();
    }).both(&[("receipt-unlisted", "young")]),
    case("journal entry", "alter", "after the manifest", |w| {
        let key = receipt("1a", HOUR + 60_000).journal_entry().key();
        w.file(&key)[20] ^= 1;
    }).note("the manifest has taken its place"),
    case("journal entry", "remove", "before the manifest", |w| {
        w.tree.files.remove(&receipt("young", 5 * HOUR + 600_000).journal_entry().key());
        w.seal();
    }).both(&[("receipt-unlisted", "young")]),
    case("journal entry", "remove", "after the manifest", |w| {
        w.tree.files.remove(&receipt("1a", HOUR + 60_000).journal_entry().key());
    }).note("the manifest has taken its place; a lifecycle rule removes it anyway"),
    case("journal entry", "add", "without a receipt", |w| {
        let entry = receipt("new", 5 * HOUR + 700_000).journal_entry();
        w.tree.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        w.seal();
    }).note("it announces nothing that is there; the summary counts it as `announced`"),
    case("journal entry", "add", "a second one for a receipt, with other bytes", |w| {
        let entry = receipt("1a", 5 * HOUR + 700_000).journal_entry();
        w.tree.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        w.seal();
    }).note("the receipt that was there first counts"),
    case("journal entry", "replay", "an old one under a key of now", |w| {
        let bytes = w.file(&receipt("1a", HOUR + 60_000).journal_entry().key()).clone();
        w.tree.files.insert("journal/1970-01-01T05-30-00.000Z/again.json".into(), bytes);
        w.seal();
    }).note(HARMLESS),
    case("journal entry", "replay", "an old receipt is announced anew", |w| {
        let entry = Entry { recorded_at: Moment::from_millis(5 * HOUR + 700_000), ..receipt("1a", HOUR + 60_000).journal_entry() };
        w.tree.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        w.seal();
    }).both(&[("listed-twice", "1a")]),
    case("journal entry", "reorder", "moved to another hour", |w| {
        let young = receipt("young", 5 * HOUR + 600_000);
        w.tree.files.remove(&young.journal_entry().key());
        w.seal();
        let entry = Entry { recorded_at: Moment::from_millis(6 * HOUR + 5), ..young.journal_entry() };
        w.tree.files.insert(entry.key(), serde_json::to_vec(&entry).unwrap());
        assert!(w.tree.run_ledger(7 * HOUR + 60_000));
    }).both(&[("receipt-misplaced", "young")]),
    case("journal entry", "truncate", "before the manifest", |w| {
        let key = receipt("young", 5 * HOUR + 600_000).journal_entry().key();
        w.file(&key).truncate(9);
        w.seal();
    }).both(&[("receipt-unlisted", "young")]),
    // --- manifest ---
    case("manifest", "alter", "one bit of what it lists", |w| w.file(&manifest::key(2))[90] ^= 1)
        .both(&[("manifest-signature", "000000000002")]),
    case("manifest", "alter", "a line feed is added", |w| w.file(&manifest::key(2)).push(b'\n'))
        .both(&[("manifest-signature", "000000000002")]),
    case("manifest", "alter", "the last one has the mirrored signature (r, n - s)", mirror)
        .online(&[("manifest-signature", "000000000005"), ("ledger-behind", "000000000004")]).offline(&[("manifest-signature", "000000000005")]),
    case("manifest", "alter", "the same, and its honest digest is pinned", |w| {
        w.pins.push(w.tree.head());
        mirror(w);
    }).online(&[("manifest-signature", "000000000005"), ("ledger-behind", "000000000004")]).offline(&[("manifest-signature", "000000000005")]),
    case("manifest", "alter", "signed by another key", |w| resign(w, 2, &Signer::new()))
        .both(&[("manifest-signature", "000000000002")]),
    case("manifest", "alter", "signed anew by the key, without one receipt", |w| {
        w.tree.files.remove(&of("1a"));
        w.delete("1a");
        let mut statement = manifest::open(w.file(&manifest::key(2))).unwrap().statement;
        statement.subject.retain(|l| l.name != of("1a"));
        *w.file(&manifest::key(2)) = w.tree.signer.seal(&statement);
    }).both(&[("manifest-chain", "000000000003")]),
    case("manifest", "alter", "all are signed by another key", |w| (1..=5).for_each(|n| resign(w, n, &Signer::new())))
        .both(&[("manifest-signature", "01.json"), ("manifest-signature", "02.json"), ("manifest-signature", "03.json"),
            ("manifest-signature", "04.json"), ("manifest-signature", "05.json"), ("ledger-behind", "ledger/")]),
    case("manifest", "remove", "the first", |w| _ = w.tree.files.remove(&manifest::key(1)))
        .both(&[("manifest-chain", "000000000001")]),
    case("manifest", "remove", "one in between", |w| _ = w.tree.files.remove(&manifest::key(3)))
        .both(&[("manifest-chain", "000000000003")]),
    case("manifest", "remove", "the last, and it is not pinned", |w| _ = w.tree.files.remove(&manifest::key(5)))
        .online(&[("ledger-behind", "000000000004")]).note("offline: before its age shows, only a pin tells"),
    case("manifest", "remove", "the last, which is pinned", |w| {
        w.pins.push(w.tree.head());
        w.tree.files.remove(&manifest::key(5));
    }).online(&[("manifest-chain", "000000000005"), ("ledger-behind", "000000000004")]).offline(&[("manifest-chain", "000000000005")]),
    case("manifest", "remove", "all", |w| w.tree.files.retain(|k, _| !k.starts_with("ledger/")))
        .both(&[("ledger-behind", "ledger/")]),
    case("manifest", "add", "a next one by another key", |w| {
        let bytes = w.file(&manifest::key(5)).clone();
        w.tree.files.insert(manifest::key(6), bytes);
        resign(w, 6, &Signer::new());
    }).both(&[("manifest-signature", "000000000006")]),
    case("manifest", "add", "a file that is not a manifest", |w| _ = w.tree.files.insert("ledger/notes.txt".into(), Vec::new()))
        .both(&[("manifest-chain", "notes.txt")]),
    case("manifest", "replay", "an old one as the next", |w| {
        let bytes = w.file(&manifest::key(2)).clone();
        w.tree.files.insert(manifest::key(6), bytes);
    }).both(&[("manifest-chain", "000000000006")]),
    case("manifest", "reorder", "two are swapped", |w| w.swap(&manifest::key(2), &manifest::key(3)))
        .both(&[("manifest-chain", "000000000002"), ("manifest-chain", "000000000003")]),
    case("manifest", "truncate", "its last byte is cut off", |w| _ = w.file(&manifest::key(2)).pop())
        .both(&[("manifest-signature", "000000000002")]),
    // --- pin ---
    case("pin", "alter", "another digest", |w| w.pins.push(Pin { sequence: 5, sha256: "0".repeat(64) }))
        .both(&[("manifest-chain", "000000000005")]),
    case("pin", "remove", "none is given", |w| w.pins.clear())
        .note("what it would have shown, the end of the ledger cut off, its age shows later"),
    case("pin", "add", "of a manifest that never was", |w| w.pins.push(Pin { sequence: 99, sha256: "0".repeat(64) }))
        .both(&[("manifest-chain", "000000000099")]),
    case("pin", "replay", "an old one", |w| {
        let sha256 = digest(w.file(&manifest::key(2)));
        w.pins.push(Pin { sequence: 2, sha256 });
    }).note("it is true; it says less than a new one"),
    case("pin", "reorder", "the digests of two are swapped", |w| {
        for (sequence, other) in [(2, 3), (3, 2)] {
            let sha256 = digest(w.file(&manifest::key(other)));
            w.pins.push(Pin { sequence, sha256 });
        }
    }).both(&[("manifest-chain", "000000000002"), ("manifest-chain", "000000000003")]),
    case("pin", "truncate", "its last digit is cut off", |w| {
        let mut text = w.tree.head().to_string();
        text.pop();
        assert!(text.parse::<Pin>().is_err());
    }).note("it is refused on the command line, exit code 2"),
    // --- operator record ---
    case("operator record", "alter", "it names another person", |w| {
        let record = OperatorRecord { caller: "arn:aws:iam::1:user/eve".into(), ..removal() };
        *w.file(&record.record_key()) = record.bytes();
    }).online(&[("receipt-changed", "removed"), ("version-missing", "removed")]).offline(&[("receipt-changed", "removed")]),
    case("operator record", "remove", "one that is listed is deleted", |w| _ = w.tree.files.remove(&removal().record_key()))
        .online(&[("receipt-missing", "removed"), ("version-missing", "removed")]).offline(&[("receipt-missing", "removed")]),
    case("operator record", "add", "a back-dated one, for a version that was deleted", |w| {
        w.delete("1a");
        let record = operation(Action::Remove, &receipt("1a", 0), HOUR + 5);
        w.tree.files.insert(record.record_key(), record.bytes());
    }).online(&[("receipt-unlisted", "1a"), ("version-missing", "1a")]).offline(&[("receipt-unlisted", "1a")]),
    case("operator record", "add", "one of other bytes, with its journal entry, for a version that was deleted", |w| {
        w.delete("1a");
        w.operate(&operation(Action::Remove, &Receipt { key: "incoming/1a".into(), ..receipt("xx", 0) }, 5 * HOUR + 700_000));
        w.seal();
    }).online(&[("version-missing", "1a")]).note(OFFLINE),
    case("operator record", "add", "one with its journal entry, for a version that was deleted", |w| {
        w.delete("1a");
        w.operate(&operation(Action::Remove, &receipt("1a", 0), 5 * HOUR + 700_000));
        w.seal();
    }).note("it is what an operator would write: `sluice verify` shows the version as removed, and by whom; the trail says who wrote the record"),
    case("operator record", "replay", "that of another version, in the place of one for a version that was deleted", |w| {
        w.delete("1a");
        let bytes = w.file(&removal().record_key()).clone();
        let place = operation(Action::Remove, &receipt("1a", 0), 0).record_key();
        w.tree.files.insert(place, bytes);
    }).online(&[("receipt-unlisted", "1a"), ("version-missing", "1a")]).offline(&[("receipt-unlisted", "1a")]),
    case("operator record", "reorder", "two are swapped", |w| {
        let release = operation(Action::Release, &receipt("released", 0), 0).record_key();
        w.swap(&release, &removal().record_key());
    }).online(&[("receipt-changed", "/released/"), ("receipt-changed", "/removed/"), ("version-missing", "/released/"), ("version-missing", "/removed/")])
        .offline(&[("receipt-changed", "/released/"), ("receipt-changed", "/removed/")]),
    case("operator record", "truncate", "its last byte is cut off", |w| _ = w.file(&removal().record_key()).pop())
        .online(&[("receipt-changed", "removed"), ("version-missing", "removed")]).offline(&[("receipt-changed", "removed")]),
];

fn removal() -> OperatorRecord {
    let at = 3 * HOUR + 60_000;
    operation(Action::Remove, &receipt("removed", at), at + 2)
}

fn resign(world: &mut World, sequence: u64, by: &Signer) {
    let key = manifest::key(sequence);
    let statement = manifest::open(world.file(&key)).unwrap().statement;
    *world.file(&key) = by.seal(&statement);
}

/// Gives the last manifest the other signature of the same statement, which nobody needs the key for.
fn mirror(world: &mut World) {
    let key = manifest::key(5);
    let opened = manifest::open(world.file(&key)).unwrap();
    let (r, s) = Signature::from_der(&opened.signature).unwrap().split_scalars();
    let other = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    let keys = world.tree.signer.keys();
    assert!(keys.verify(&opened.signed, other.to_der().as_bytes()), "it verifies");
    let payload = opened.statement.payload();
    let sealed = manifest::seal(&payload, "alias/ledger", other.to_der().as_bytes());
    *world.file(&key) = sealed;
    assert!(!world.tree.run_ledger(6 * HOUR + 60_000), "the ledger goes on from it");
}
