//! The table of ends: each with the objects of document 003.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ingest::effect::{Effect, Outcome};
use ingest::plan::Plan;
use ingest::protocol::{Run, Step, Verdict};
use ingest::record::End;
use lambda_support::Fault;
use lambda_support::fakes::FakeAws;
use world::{IN, NOW, OUT, Place, arrival, perform, place, plan, source};

const FOREVER: &[u8] = include_bytes!("items/4EVR.json");
const BARE_LIST: &[u8] = include_bytes!("items/4EVR-bare-list.json");
const BLIND: &[u8] = include_bytes!("items/BLIND.json");
const WRONG_ID: &[u8] = include_bytes!("items/BLIND-wrong-item-id.json");
const FEEL: &[u8] = include_bytes!("items/FeelULuvMe.json");

struct Bench {
    world: FakeAws,
    plan: Plan,
}

impl Bench {
    fn new() -> Self {
        Self { world: world::world(), plan: plan() }
    }

    fn put(&mut self, key: &str, bytes: &[u8]) -> String {
        self.world.s3.put(IN, key, bytes, false).unwrap()
    }

    /// Delivers one event; returns its verdict and the names of its calls.
    fn deliver(&mut self, key: &str, version: Option<&str>) -> Result<(Verdict, Vec<String>), Fault> {
        let (mut run, mut step) = Run::start(arrival(key, version), NOW.into(), &self.plan);
        let mut calls = Vec::new();
        loop {
            match step {
                Step::Done(verdict) => return Ok((*verdict, calls)),
                Step::Fault(fault) => return Err(fault),
                Step::Perform(effect) => {
                    let debug = format!("{effect:?}");
                    let name = debug.split([' ', '(', '{']).next().unwrap();
                    calls.push(name.to_owned());
                    let outcome = perform(&mut self.world, &effect);
                    step = run.next(&self.plan, outcome);
                }
            }
        }
    }

    fn arrive(&mut self, key: &str, bytes: &[u8]) -> Verdict {
        let version = self.put(key, bytes);
        self.deliver(key, Some(&version)).unwrap().0
    }
}

/// 003.11, 003.12: valid, and no item with its key: one read, one conditional put.
#[test]
fn stored() {
    let mut bench = Bench::new();
    let version = bench.put("4EVR.json", FOREVER);
    let (verdict, calls) = bench.deliver("4EVR.json", Some(&version)).unwrap();
    assert_eq!(verdict.end, End::Stored);
    assert_eq!(calls, ["CheckQuarantine", "Read", "Store"]);
    let item = bench.world.table.items().next().unwrap();
    assert_eq!(item["Streams"]["N"], "6000000");
    assert_eq!(item["_source"]["M"]["key"]["S"], "4EVR.json");
    assert_eq!(item["_source"]["M"]["version_id"]["S"], version);
    assert_eq!(item["_source"]["M"]["size"]["N"], FOREVER.len().to_string());
    assert_eq!(item["_source"]["M"]["stored_at"]["S"], NOW);
    assert!(bench.world.notices.is_empty());
}

/// Section 3: a redelivered valid event finds its own item; it is a success, not a duplicate.
#[test]
fn redelivered() {
    let mut bench = Bench::new();
    let version = bench.put("4EVR.json", FOREVER);
    bench.deliver("4EVR.json", Some(&version)).unwrap();
    let before = bench.world.clone();
    let (verdict, _) = bench.deliver("4EVR.json", Some(&version)).unwrap();
    assert_eq!(verdict.end, End::Redelivered);
    assert_eq!(bench.world, before);
}

/// 003.13: the same bytes again, under another key or as another version, change nothing.
#[test]
fn duplicate() {
    let mut bench = Bench::new();
    bench.arrive("FeelULuvMe.json", FEEL);
    for key in ["copy of FeelULuvMe.json", "FeelULuvMe.json"] {
        let verdict = bench.arrive(key, FEEL);
        assert_eq!(verdict.end, End::Duplicate);
        assert_eq!(verdict.other.unwrap().key, "FeelULuvMe.json");
    }
    assert_eq!(bench.world.s3.list(OUT, ""), Vec::<&str>::new());
}

/// 003.13: BLIND re-used the ItemID of 4EVR; it is quarantined and says whose key it is.
#[test]
fn conflict() {
    let mut bench = Bench::new();
    bench.arrive("test-object.json", FOREVER);
    let version = bench.put("second-test-object.json", WRONG_ID);
    let (verdict, calls) = bench.deliver("second-test-object.json", Some(&version)).unwrap();
    assert_eq!(verdict.end, End::Conflict);
    let of_quarantine = ["SeeQuarantine", "Copy", "InspectCopy", "WriteReason", "Notify", "DeleteSource"];
    assert_eq!(calls[3..], of_quarantine);
    let version = source("second-test-object.json", &version);
    let reason = world::reason_of(&bench.world, &version).unwrap();
    assert_eq!(reason.other.unwrap().key, "test-object.json");
    assert_eq!(reason.source.size, Some(WRONG_ID.len() as u64));
    assert_eq!(bench.world.notices.len(), 1);
    assert_eq!(bench.arrive("second-test-object.json", BLIND).end, End::Stored);
}

/// 003.12: a bare list member is refused with its path; 003.14: moved, 003.17: told.
#[test]
fn invalid() {
    let mut bench = Bench::new();
    let version = bench.put("4EVR.json", BARE_LIST);
    let (verdict, _) = bench.deliver("4EVR.json", Some(&version)).unwrap();
    assert_eq!(verdict.end, End::Invalid);
    let paths: Vec<&str> = verdict.reasons.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["/Features/L/0", "/Features/L/1"]);
    let version = source("4EVR.json", &version);
    assert_eq!(place(&bench.world, &version, BARE_LIST, false), Place::Quarantine);
    assert!(bench.world.notices[0].contains("/Features/L/0"));
    assert!(!bench.world.notices[0].contains("Knock2"), "contents are not sent");
}

/// Section 3: quarantine is by version; a corrected upload under the same key is judged afresh.
#[test]
fn a_corrected_upload_is_judged_afresh() {
    let mut bench = Bench::new();
    assert_eq!(bench.arrive("4EVR.json", BARE_LIST).end, End::Invalid);
    assert_eq!(bench.arrive("4EVR.json", FOREVER).end, End::Stored);
    assert_eq!(bench.arrive("4EVR.json", b"{").end, End::Invalid);
    assert_eq!(bench.world.s3.list(OUT, "").len(), 4, "two copies, two reasons");
}

/// 003.11, 003.15: already in quarantine: the rest is done, nothing is judged again.
#[test]
fn quarantined_before() {
    let mut bench = Bench::new();
    let version = bench.put("bad.json", b"{");
    bench.deliver("bad.json", Some(&version)).unwrap();
    let before = bench.world.s3.clone();
    let (verdict, calls) = bench.deliver("bad.json", Some(&version)).unwrap();
    assert_eq!((verdict.end, verdict.again), (End::Invalid, true));
    assert_eq!(calls, ["CheckQuarantine", "Notify", "DeleteSource"]);
    assert_eq!(bench.world.s3, before);
}

/// Section 3 (000, 001): zero-byte folder markers, and the project's own objects.
#[test]
fn skipped() {
    let mut bench = Bench::new();
    assert_eq!(bench.arrive("incoming/", b"").end, End::Skipped);
    assert_eq!(bench.arrive("_sluice/schema/x.json", b"{}").end, End::Skipped);
    bench.plan.prefix = "incoming/".into();
    assert_eq!(bench.arrive("elsewhere/x.json", BLIND).end, End::Skipped);
    assert_eq!(bench.arrive("incoming/x.json", BLIND).end, End::Stored);
    assert_eq!(bench.arrive("incoming/with-bytes/", b"x").end, End::Invalid);
}

#[test]
fn gone() {
    let mut bench = Bench::new();
    let version = bench.put("x.json", BLIND);
    bench.world.s3.delete(IN, "x.json", Some(&version));
    let (verdict, calls) = bench.deliver("x.json", Some(&version)).unwrap();
    assert_eq!(verdict.end, End::Gone);
    assert_eq!(calls, ["CheckQuarantine", "Read", "FindVersion", "CheckQuarantine"]);
    assert_eq!(bench.deliver("never.json", None).unwrap().0.end, End::Gone);
}

/// 403 is no answer to "is it there?": where the version is listed, the message goes back.
#[test]
fn denied_is_not_gone() {
    let mut bench = Bench::new();
    let version = bench.put("x.json", BLIND);
    let (mut run, mut step) = Run::start(arrival("x.json", Some(&version)), NOW.into(), &bench.plan);
    let denied = Fault::new("GetObject", "AccessDenied");
    loop {
        step = match step {
            Step::Perform(Effect::Read(_)) => run.next(&bench.plan, Outcome::NotRead(denied.clone(), None)),
            Step::Perform(effect) => run.next(&bench.plan, perform(&mut bench.world, &effect)),
            ended => {
                assert_eq!(ended, Step::Fault(denied));
                return;
            }
        };
    }
}

#[test]
fn too_many_bytes() {
    let mut bench = Bench::new();
    let big = vec![b' '; 5000];
    let verdict = bench.arrive("big.json", &big);
    assert_eq!(verdict.end, End::Invalid);
    assert_eq!(verdict.reasons[0].rule, "object-size");
    assert!(verdict.source.sha256.is_some(), "taken from the copy");
}

/// Above 5 GiB one copy call cannot move it: it stays, and people are told.
#[test]
fn too_large() {
    let bench = Bench::new();
    let (mut run, step) = Run::start(arrival("huge.json", Some("v1")), NOW.into(), &bench.plan);
    assert!(matches!(step, Step::Perform(Effect::CheckQuarantine(_))));
    assert!(matches!(run.next(&bench.plan, Outcome::Decided(None)), Step::Perform(Effect::Read(_))));
    let size = 5 * 1024 * 1024 * 1024 + 1;
    let step = run.next(&bench.plan, Outcome::Oversize { size });
    assert!(matches!(step, Step::Perform(Effect::Notify(_))), "{step:?}");
    let Step::Done(verdict) = run.next(&bench.plan, Outcome::Done) else {
        panic!("not done");
    };
    assert_eq!(verdict.end, End::TooLarge);
}

/// The emulator's events, and those of an unversioned sender, have no version-id: the latest is pinned and flagged.
#[test]
fn pinned_late() {
    let mut bench = Bench::new();
    bench.put("x.json", b"{");
    bench.put("x.json", BLIND);
    let (verdict, calls) = bench.deliver("x.json", None).unwrap();
    assert_eq!((verdict.end, verdict.pinned_late), (End::Stored, true));
    assert_eq!(calls[0], "FindVersion");
}

/// A stricter schema does not reach back: what was stored stays stored, whatever is delivered again.
#[test]
fn stored_before_the_schema_changed() {
    let mut bench = Bench::new();
    let version = bench.put("4EVR.json", FOREVER);
    bench.deliver("4EVR.json", Some(&version)).unwrap();
    let stricter = r#"{"required": ["Label"]}"#;
    bench.plan.rules.schema = ingest::schema::Schema::compile(stricter).unwrap();
    let before = bench.world.clone();
    let (verdict, calls) = bench.deliver("4EVR.json", Some(&version)).unwrap();
    assert_eq!(verdict.end, End::Redelivered);
    assert_eq!(calls, ["CheckQuarantine", "Read", "FindItem"]);
    assert_eq!(bench.world, before);
    assert_eq!(bench.arrive("4EVR again.json", FOREVER).end, End::Invalid);
}

/// Names are the uploader's; however long, the notice fits and the end is reached.
#[test]
fn a_notice_fits_whatever_the_names() {
    let mut bench = Bench::new();
    let names = (0..30).map(|n| format!(r#""{n}{}":{{"S":"x"}}"#, "A".repeat(100)));
    let text = format!("{{{}}}", names.collect::<Vec<_>>().join(","));
    assert_eq!(bench.arrive("names.json", text.as_bytes()).end, End::Invalid);
    assert!(bench.world.notices[0].len() < 32 * 1024);
}

/// `put-item` by hand leaves an item without `_source`: another object with its key is a conflict with it.
#[test]
fn an_item_put_by_hand_is_not_overwritten() {
    let mut bench = Bench::new();
    let by_hand = serde_json::from_slice(FEEL).unwrap();
    bench.world.table.put_new(&by_hand).unwrap();
    let verdict = bench.arrive("FeelULuvMe.json", FEEL);
    assert_eq!((verdict.end, verdict.other), (End::Conflict, None));
}

/// 003, section 3: `ItemID` is `UPPER(EntityType)#` and the title without blanks, where that is asked for.
#[test]
fn the_item_id_is_checked_on_request() {
    let mut bench = Bench::new();
    bench.plan.rules.check_item_id = true;
    assert_eq!(bench.arrive("FeelULuvMe.json", FEEL).end, End::Stored);
    let verdict = bench.arrive("second-test-object.json", WRONG_ID);
    assert_eq!((verdict.end, verdict.reasons[0].rule.as_str()), (End::Invalid, "item-id"));
}

/// 003.17: people can ask to hear of a success; its notice survives a crash after the put.
#[test]
fn a_success_is_told_on_request() {
    let mut bench = Bench::new();
    bench.plan.notify_on.push(End::Stored);
    let version = bench.put("4EVR.json", FOREVER);
    bench.deliver("4EVR.json", Some(&version)).unwrap();
    bench.deliver("4EVR.json", Some(&version)).unwrap();
    assert_eq!(bench.world.notices.len(), 2);
    assert!(bench.world.notices.iter().all(|n| n.contains(r#""end":"stored""#)));
}

/// An event of a bucket that is not ours is kept, not lost.
#[test]
fn another_bucket_is_a_fault() {
    let bench = Bench::new();
    let mut arrival = arrival("x.json", Some("v1"));
    arrival.bucket = "elsewhere".into();
    let (_, step) = Run::start(arrival, NOW.into(), &bench.plan);
    assert!(matches!(step, Step::Fault(_)));
}
