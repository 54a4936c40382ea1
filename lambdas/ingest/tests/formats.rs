//! What the function writes, word by word: items, reason records, notices, log lines, metrics, and the messages that
//! tell an uploader what is wrong with a file. The snapshots are in `tests/snapshots`; `INSTA_UPDATE=always cargo test`
//! accepts a change.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;
use std::fmt::Write;

use ingest::convert::{attributes, plain};
use ingest::effect::{Effect, Outcome};
use ingest::narrate;
use ingest::plan::Plan;
use ingest::protocol::{Run, Step};
use ingest::record::{End, Source};
use ingest::schema::Schema;
use ingest::settings::Settings;
use insta::assert_snapshot;
use lambda_support::aws::Obstacle;
use lambda_support::fakes::World;
use lambda_support::{Arrival, Fault};
use serde_json::json;
use world::{IN, NOW, OUT, arrival, item, perform, plan, source};

const FOREVER: &[u8] = include_bytes!("items/4EVR.json");
const BARE_LIST: &[u8] = include_bytes!("items/4EVR-bare-list.json");
const WRONG_ID: &[u8] = include_bytes!("items/BLIND-wrong-item-id.json");

/// The function on one in-memory deployment; everything it writes is added to `text`.
struct Recorder {
    world: World,
    plan: Plan,
    text: String,
}

impl Recorder {
    fn new() -> Self {
        let mut plan = plan();
        plan.notify_on = End::ALL.to_vec();
        Self { world: world::world(), plan, text: String::new() }
    }

    fn arrive(&mut self, key: &str, bytes: &[u8]) -> Arrival {
        let version = self.world.s3.put(IN, key, bytes, false).unwrap();
        Arrival { request_id: Some("REQUEST".into()), sequencer: Some("0055".into()), ..arrival(key, Some(&version)) }
    }

    /// Delivers an event. `answer` replaces the answer of a call.
    fn deliver(&mut self, arrival: Arrival, answer: impl Fn(&Effect) -> Option<Outcome>) {
        let settings = settings();
        let (mut run, mut step) = Run::start(arrival, NOW.into(), &self.plan);
        loop {
            let effect = match step {
                Step::Perform(effect) => effect,
                Step::Fault(fault) => return self.write("fault", &fault.to_string()),
                Step::Done(verdict) => {
                    let handled = narrate::end(&verdict);
                    let level = if handled.refused { "warn" } else { "info" };
                    self.write(level, &handled.message);
                    self.write("fields", &serde_json::to_string_pretty(&handled.fields).unwrap());
                    return self.write("metrics", &format!("{:?}", handled.metrics));
                }
            };
            self.write("log", &narrate::before(&effect, &settings));
            let outcome = answer(&effect).unwrap_or_else(|| perform(&mut self.world, &effect));
            self.show(&effect);
            if let Some(message) = narrate::after(&outcome) {
                self.write("log", message);
            }
            step = run.next(&self.plan, outcome);
        }
    }

    /// What is written by an effect, as it is written.
    fn show(&mut self, effect: &Effect) {
        match effect {
            Effect::Store(item) => {
                self.write("item", &serde_json::to_string_pretty(item.attributes()).unwrap());
            }
            Effect::WriteReason(reason) => {
                self.write("reason key", &format!("{:?}", reason.source.reason_key()));
                self.write("reason", &serde_json::to_string_pretty(reason).unwrap());
            }
            Effect::Notify(notice) => {
                self.write("subject", &notice.subject());
                self.write("notice", &serde_json::to_string_pretty(notice).unwrap());
            }
            _ => {}
        }
    }

    fn write(&mut self, what: &str, text: &str) {
        writeln!(self.text, "{what}: {text}").unwrap();
    }
}

fn settings() -> Settings {
    Settings {
        processing_bucket: IN.into(),
        quarantine_bucket: OUT.into(),
        prefix: String::new(),
        table: "items".into(),
        hash_key: "ArtistID".into(),
        range_key: Some("ItemID".into()),
        schema_sha256: "0".into(),
        check_item_id: false,
        max_object_bytes: world::MAX_BYTES,
        notify_on: Vec::new(),
        topic_arn: "arn:aws:sns:eu-central-1:111122223333:notices".into(),
    }
}

/// Everything that is written when this file arrives.
fn arrival_of(key: &str, bytes: &[u8]) -> String {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive(key, bytes);
    recorder.deliver(arrival, |_| None);
    recorder.text
}

#[test]
fn a_valid_file_is_stored() {
    assert_snapshot!("stored", arrival_of("incoming/4EVR.json", FOREVER));
}

#[test]
fn every_attribute_type_is_stored() {
    let text = json!({"ArtistID": {"S": "a"}, "ItemID": {"S": "TRACK#b"}, "n": {"N": "-1.50"}, "b": {"B": "AAE="},
        "o": {"BOOL": false}, "u": {"NULL": true}, "l": {"L": [{"S": "x"}]}, "m": {"M": {"k": {"N": "1"}}},
        "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]}, "bs": {"BS": ["AA=="]}});
    let mut recorder = Recorder::new();
    recorder.plan.rules.schema = Schema::compile("{}").unwrap();
    let arrival = recorder.arrive("types.json", text.to_string().as_bytes());
    recorder.deliver(arrival, |_| None);
    let item = recorder.world.table.items().next().unwrap();
    let mut sent: BTreeMap<_, _> = attributes(&item).unwrap().into_iter().collect();
    sent.remove("_source");
    assert_snapshot!("stored_types", format!("{sent:#?}"));
}

#[test]
fn a_source_is_read_back_from_an_item() {
    let bytes = item("A", "B", 1);
    let source = Source { size: Some(7), sha256: Some("5".into()), ..source("k", "v") };
    let item = plan().rules.judge(bytes.as_bytes(), &source, NOW).unwrap();
    let stored = attributes(item.attributes()).unwrap();
    let back = ingest::judge::source_of(&plain(&stored)).unwrap();
    assert_eq!(back, source);
}

#[test]
fn a_version_delivered_again_is_redelivered() {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive("4EVR.json", FOREVER);
    recorder.deliver(arrival.clone(), |_| None);
    recorder.text.clear();
    recorder.deliver(arrival, |_| None);
    assert_snapshot!("redelivered", recorder.text);
}

#[test]
fn the_same_bytes_under_another_key_are_a_duplicate() {
    let mut recorder = Recorder::new();
    let first = recorder.arrive("4EVR.json", FOREVER);
    recorder.deliver(first, |_| None);
    recorder.text.clear();
    let second = recorder.arrive("copy of 4EVR.json", FOREVER);
    recorder.deliver(second, |_| None);
    assert_snapshot!("duplicate", recorder.text);
}

#[test]
fn other_bytes_with_the_same_table_key_are_a_conflict() {
    let mut recorder = Recorder::new();
    let first = recorder.arrive("4EVR.json", FOREVER);
    recorder.deliver(first, |_| None);
    recorder.text.clear();
    let second = recorder.arrive("BLIND.json", WRONG_ID);
    recorder.deliver(second, |_| None);
    assert_snapshot!("conflict", recorder.text);
}

#[test]
fn an_invalid_file_is_quarantined() {
    assert_snapshot!("invalid", arrival_of("incoming/4EVR.json", BARE_LIST));
}

#[test]
fn a_key_with_control_characters_is_escaped() {
    assert_snapshot!("invalid_hostile_key", arrival_of("in\ncoming/\"x\u{1b}[31mü.json", b"{"));
}

#[test]
fn a_file_above_the_size_limit_is_quarantined() {
    assert_snapshot!("invalid_size", arrival_of("big.json", &[b' '; 5000]));
}

#[test]
fn an_item_that_the_table_refuses_is_quarantined() {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive("4EVR.json", FOREVER);
    recorder.deliver(arrival, |effect| match effect {
        Effect::Store(_) => Some(Outcome::Refused("ValidationException: too deep".into())),
        _ => None,
    });
    assert_snapshot!("invalid_refused", recorder.text);
}

#[test]
fn a_version_quarantined_earlier_is_finished() {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive("bad.json", b"{");
    recorder.deliver(arrival.clone(), |_| None);
    recorder.text.clear();
    recorder.deliver(arrival, |_| None);
    assert_snapshot!("invalid_again", recorder.text);
}

#[test]
fn what_is_not_data_is_skipped() {
    let mut recorder = Recorder::new();
    recorder.plan.prefix = "incoming/".into();
    for (key, bytes) in [("incoming/", &b""[..]), ("_sluice/schema/x.json", b"{}"), ("elsewhere/x.json", b"{}")] {
        let arrival = recorder.arrive(key, bytes);
        recorder.deliver(arrival, |_| None);
    }
    assert_snapshot!("skipped", recorder.text);
}

#[test]
fn a_deleted_version_is_gone() {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive("x.json", b"{}");
    recorder.world.s3.delete(IN, "x.json", arrival.version_id.as_deref());
    recorder.deliver(arrival, |_| None);
    assert_snapshot!("gone", recorder.text);
}

#[test]
fn a_version_above_the_copy_limit_is_too_large() {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive("huge.json", b"{}");
    recorder.deliver(arrival, |effect| match effect {
        Effect::Read(_) => Some(Outcome::Oversize { size: 5 * 1024 * 1024 * 1024 + 1 }),
        _ => None,
    });
    assert_snapshot!("too_large", recorder.text);
}

#[test]
fn a_version_that_cannot_be_read_is_unreadable() {
    let mut recorder = Recorder::new();
    for obstacle in [Obstacle::Archived, Obstacle::KmsKey, Obstacle::CustomerKey] {
        let arrival = recorder.arrive("x.json", b"{}");
        let version = arrival.version_id.clone().unwrap();
        recorder.world.s3.set_obstacle(IN, "x.json", &version, Some(obstacle));
        recorder.deliver(arrival, |_| None);
    }
    assert_snapshot!("unreadable", recorder.text);
}

#[test]
fn an_event_without_a_version_takes_the_latest() {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive("4EVR.json", FOREVER);
    recorder.deliver(Arrival { version_id: None, ..arrival }, |_| None);
    assert_snapshot!("stored_pinned_late", recorder.text);
}

#[test]
fn a_message_that_cannot_be_finished_is_a_fault() {
    let mut recorder = Recorder::new();
    let arrival = recorder.arrive("x.json", b"{");
    let elsewhere = Arrival { bucket: "elsewhere".into(), ..arrival.clone() };
    recorder.deliver(elsewhere, |_| None);
    recorder.deliver(arrival.clone(), |effect| match effect {
        Effect::Read(_) => Some(Outcome::NotRead(Fault::new("GetObject", "AccessDenied"), None)),
        _ => None,
    });
    recorder.deliver(arrival.clone(), |effect| match effect {
        Effect::InspectCopy(_) => Some(Outcome::Inspected(None)),
        _ => None,
    });
    recorder.deliver(arrival, |effect| match effect {
        Effect::CheckQuarantine(_) => Some(Outcome::Stored),
        _ => None,
    });
    let check = Effect::CheckQuarantine(source("k", "v"));
    let fault = narrate::fault(&check, Fault::new("GetObject of the reason", "SlowDown"));
    recorder.write("fault", &fault.to_string());
    assert_snapshot!("faults", recorder.text);
}

/// Every rule that a file can break, with its path and its message.
#[test]
fn each_defect_of_a_file_has_a_rule_a_path_and_a_message() {
    let mut rules = plan().rules;
    let mut text = String::new();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(90), "]".repeat(90));
    let nested = format!("{{\"a\":{}{{\"S\":\"x\"}}{}}}", "{\"L\":[".repeat(32), "]}".repeat(32));
    let title = |size: usize| {
        format!(r#"{{"ArtistID":{{"S":"A"}},"ItemID":{{"S":"TRACK#B"}},"Title":{{"S":"{}"}}}}"#, "x".repeat(size))
    };
    let files = [
        &b""[..],
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0",
        b"{\0\0\0}\0\0\0",
        b"{\"a\":\"\xff\"}",
        b"\x1f\x8b\x08\0",
        b"BZh9",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b"PAR1",
        b"Obj\x01",
        b"ORC",
        b"%PDF-",
        b"{",
        b"{} {}",
        b"[]",
        br#"{"a":{"S":"x"},"a":{"S":"y"}}"#,
        deep.as_bytes(),
        nested.as_bytes(),
        br#"{"_source":{"S":"x"}}"#,
        br#"{"ArtistID":{"S":"A"},"ItemID":{"S":"TRACK#B"},"Title":"bare","Year":{"N":"x"},"Genre":{"S":"Trap"}}"#,
        br#"{"ArtistID":{"S":""},"ItemID":{"S":"4EVR"},"EntityType":{"S":"Podcast"},"Year":{"S":"2024"}}"#,
        br#"{"a":{},"b":{"S":"x","N":"1"},"c":{"X":1},"d":{"N":5},"e":{"N":"1e999"},"f":{"B":"?"},"g":{"SS":[]}}"#,
        br#"{"a":{"NS":["1","1.0"]},"b":{"M":{"":{"S":"x"}}},"c":{"NULL":false},"d":{"L":{}},"e":{"SS":[1]}}"#,
        br#"{"a":null,"b":true,"c":1,"d":[],"e":{"N":"1e1.5"},"f":{"N":"1e-131"},"g":{"BOOL":"x"},"h":{"BS":{}}}"#,
    ];
    let sized = [title(500 * 1024), title(400 * 1024 - 100)];
    for bytes in files.into_iter().chain(sized.iter().map(String::as_bytes)) {
        let shown: String = String::from_utf8_lossy(bytes).escape_debug().take(80).collect();
        writeln!(text, "{shown}").unwrap();
        for problem in rules.judge(bytes, &source("k", "v"), NOW).unwrap_err() {
            writeln!(text, "  [{}] `{}`: {}", problem.rule, problem.path, problem.message).unwrap();
        }
    }
    rules.schema = Schema::compile("{}").unwrap();
    rules.check_item_id = true;
    let long = "x".repeat(2049);
    for (hash, range) in [("", "r"), (long.as_str(), long.as_str())] {
        let bytes = json!({"ArtistID": {"S": hash}, "ItemID": {"S": range}}).to_string();
        for problem in rules.judge(bytes.as_bytes(), &source("k", "v"), NOW).unwrap_err() {
            writeln!(text, "[{}] `{}`: {}", problem.rule, problem.path, problem.message).unwrap();
        }
    }
    let without = rules.judge(b"{}", &source("k", "v"), NOW).unwrap_err();
    let wrong_id = rules.judge(WRONG_ID, &source("k", "v"), NOW).unwrap_err();
    for problem in without.into_iter().chain(wrong_id) {
        writeln!(text, "[{}] `{}`: {}", problem.rule, problem.path, problem.message).unwrap();
    }
    assert_snapshot!("problems", text);
}

#[test]
fn each_defect_of_a_schema_has_a_message() {
    let mut text = String::new();
    for schema in [
        "",
        r#"{"type": "nonsense"}"#,
        r#"{"$ref": "https://example.com/s.json"}"#,
        r#"{"pattern": "a(?=b)"}"#,
        r#"{"properties": {"a": {"pattern": "("}}}"#,
        r#"{"patternProperties": {"(\\p{L}{1,20}){1,20}": {}}}"#,
    ] {
        let error = Schema::compile(schema).err().unwrap();
        writeln!(text, "{schema}\n  {error}").unwrap();
    }
    assert_snapshot!("schema_errors", text);
}

#[test]
fn each_defect_of_the_settings_has_a_message() {
    let good = |name: &str| match name {
        "CHECK_ITEM_ID" => "false",
        "MAX_OBJECT_BYTES" => "1048576",
        "NOTIFY_ON" => "invalid, too-large",
        "RANGE_KEY" | "PREFIX" => "",
        _ => "x",
    };
    let mut text = String::new();
    for (bad, value) in
        [("TABLE", None), ("MAX_OBJECT_BYTES", Some("ten")), ("CHECK_ITEM_ID", Some("yes")), ("NOTIFY_ON", Some("ok"))]
    {
        let lookup = |name: &str| if name == bad { value.map(str::to_owned) } else { Some(good(name).to_owned()) };
        writeln!(text, "{}", Settings::read(lookup).unwrap_err()).unwrap();
    }
    assert_snapshot!("settings_errors", text);
}
