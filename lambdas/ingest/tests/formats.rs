//! What the function writes, word by word: items, reason records, notices, log lines, metrics, and the messages that
//! tell an uploader what is wrong with a file. The snapshots are in `tests/snapshots`; `INSTA_UPDATE=always cargo test`
//! accepts a change.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;

use ingest::attribute_value::{from_attribute_values, to_attribute_values};
use ingest::effect::{Effect, EffectResult};
use ingest::item::source_of;
use ingest::messages;
use ingest::outcome::Outcome;
use ingest::problem::Problem;
use ingest::quarantine::reason_key;
use ingest::schema::Schema;
use ingest::settings::Settings;
use ingest::source::Source;
use insta::assert_snapshot;
use lambda_support::aws::Obstacle;
use lambda_support::{Arrival, Fault};
use serde_json::json;
use support::{Delivered, Harness, MAX_OBJECT_BYTES, NOW, PROCESSING, QUARANTINE, arrival, deployment, item, version};

const FOREVER: &[u8] = include_bytes!("items/4EVR.json");
const BARE_LIST: &[u8] = include_bytes!("items/4EVR-bare-list.json");
const WRONG_ID: &[u8] = include_bytes!("items/BLIND-wrong-item-id.json");

/// A deployment that publishes every outcome; `text` is everything it writes.
struct Recorder {
    harness: Harness,
    text: String,
}

impl Recorder {
    fn new() -> Self {
        let mut harness = Harness::new();
        harness.deployment.notify_on = Outcome::ALL.to_vec();
        Self { harness, text: String::new() }
    }

    fn put(&mut self, key: &str, bytes: &[u8]) -> Arrival {
        let version_id = self.harness.put(key, bytes);
        Arrival {
            request_id: Some("REQUEST".into()),
            sequencer: Some("0055".into()),
            ..arrival(key, Some(&version_id))
        }
    }

    fn deliver(&mut self, arrival: Arrival) {
        self.deliver_with(arrival, |_| None);
    }

    /// Delivers an event. A result of `respond` replaces the call of that effect.
    fn deliver_with(&mut self, arrival: Arrival, respond: impl Fn(&Effect) -> Option<EffectResult>) {
        let Delivered { effects, verdict } = self.harness.deliver_with(arrival, respond);
        let settings = settings();
        for (effect, result) in &effects {
            self.line("log", &messages::before_effect(effect, &settings));
            self.effect(effect);
            if let Some(message) = messages::after_effect(result) {
                self.line("log", message);
            }
        }
        match verdict {
            Err(fault) => self.line("fault", &fault.to_string()),
            Ok(verdict) => {
                let handled = messages::handled(&verdict);
                self.line(if handled.refused { "warn" } else { "info" }, &handled.message);
                self.line("fields", &serde_json::to_string_pretty(&handled.fields).unwrap());
                self.line("metrics", &format!("{:?}", handled.metrics));
            }
        }
    }

    /// What an effect writes to DynamoDB, S3 or SNS.
    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Store(item) => {
                self.line("item", &serde_json::to_string_pretty(item.attributes()).unwrap());
            }
            Effect::WriteReason(reason) => {
                self.line("reason key", &format!("{:?}", reason_key(&reason.source.version)));
                self.line("reason", &serde_json::to_string_pretty(reason).unwrap());
            }
            Effect::Notify(notice) => {
                self.line("subject", &notice.subject());
                self.line("notice", &serde_json::to_string_pretty(notice).unwrap());
            }
            _ => {}
        }
    }

    fn line(&mut self, what: &str, text: &str) {
        writeln!(self.text, "{what}: {text}").unwrap();
    }
}

fn settings() -> Settings {
    Settings {
        processing_bucket: PROCESSING.into(),
        quarantine_bucket: QUARANTINE.into(),
        prefix: String::new(),
        table: "items".into(),
        hash_key: "ArtistID".into(),
        range_key: Some("ItemID".into()),
        schema_sha256: "0".into(),
        check_item_id: false,
        max_object_bytes: MAX_OBJECT_BYTES,
        notify_on: Vec::new(),
        topic_arn: "arn:aws:sns:eu-central-1:111122223333:notices".into(),
    }
}

/// Everything that is written when this object arrives.
fn written_for(key: &str, bytes: &[u8]) -> String {
    let mut recorder = Recorder::new();
    let arrival = recorder.put(key, bytes);
    recorder.deliver(arrival);
    recorder.text
}

#[test]
fn a_valid_file_is_stored() {
    assert_snapshot!("stored", written_for("incoming/4EVR.json", FOREVER));
}

#[test]
fn every_attribute_type_is_stored() {
    let text = json!({"ArtistID": {"S": "a"}, "ItemID": {"S": "TRACK#b"}, "n": {"N": "-1.50"}, "b": {"B": "AAE="},
        "o": {"BOOL": false}, "u": {"NULL": true}, "l": {"L": [{"S": "x"}]}, "m": {"M": {"k": {"N": "1"}}},
        "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]}, "bs": {"BS": ["AA=="]}});
    let mut recorder = Recorder::new();
    recorder.harness.deployment.validator.schema = Schema::compile("{}").unwrap();
    let arrival = recorder.put("types.json", text.to_string().as_bytes());
    recorder.deliver(arrival);
    let item = recorder.harness.world.table.items().next().unwrap();
    let mut sent: BTreeMap<_, _> = to_attribute_values(&item).unwrap().into_iter().collect();
    sent.remove("_source");
    assert_snapshot!("stored_types", format!("{sent:#?}"));
}

#[test]
fn a_source_is_read_back_from_an_item() {
    let bytes = item("A", "B", 1);
    let source = Source { size: Some(7), sha256: Some("5".into()), ..version("k", "v").into() };
    let item = deployment().validator.validate(bytes.as_bytes(), &source, NOW).unwrap();
    let stored = to_attribute_values(item.attributes()).unwrap();
    let back = source_of(&from_attribute_values(&stored)).unwrap();
    assert_eq!(back, source);
}

#[test]
fn a_version_delivered_again_is_redelivered() {
    let mut recorder = Recorder::new();
    let arrival = recorder.put("4EVR.json", FOREVER);
    recorder.deliver(arrival.clone());
    recorder.text.clear();
    recorder.deliver(arrival);
    assert_snapshot!("redelivered", recorder.text);
}

#[test]
fn the_same_bytes_under_another_key_are_a_duplicate() {
    let mut recorder = Recorder::new();
    let first = recorder.put("4EVR.json", FOREVER);
    recorder.deliver(first);
    recorder.text.clear();
    let second = recorder.put("copy of 4EVR.json", FOREVER);
    recorder.deliver(second);
    assert_snapshot!("duplicate", recorder.text);
}

#[test]
fn other_bytes_with_the_same_table_key_are_a_conflict() {
    let mut recorder = Recorder::new();
    let first = recorder.put("4EVR.json", FOREVER);
    recorder.deliver(first);
    recorder.text.clear();
    let second = recorder.put("BLIND.json", WRONG_ID);
    recorder.deliver(second);
    assert_snapshot!("conflict", recorder.text);
}

#[test]
fn an_invalid_file_is_quarantined() {
    assert_snapshot!("invalid", written_for("incoming/4EVR.json", BARE_LIST));
}

#[test]
fn a_key_with_control_characters_is_escaped() {
    assert_snapshot!("invalid_hostile_key", written_for("in\ncoming/\"x\u{1b}[31mü.json", b"{"));
}

#[test]
fn a_file_above_the_size_limit_is_quarantined() {
    assert_snapshot!("invalid_size", written_for("big.json", &[b' '; 5000]));
}

#[test]
fn an_item_that_the_table_refuses_is_quarantined() {
    let mut recorder = Recorder::new();
    let arrival = recorder.put("4EVR.json", FOREVER);
    recorder.deliver_with(arrival, |effect| match effect {
        Effect::Store(_) => Some(EffectResult::Rejected("ValidationException: too deep".into())),
        _ => None,
    });
    assert_snapshot!("invalid_refused", recorder.text);
}

#[test]
fn a_version_quarantined_earlier_is_finished() {
    let mut recorder = Recorder::new();
    let arrival = recorder.put("bad.json", b"{");
    recorder.deliver(arrival.clone());
    recorder.text.clear();
    recorder.deliver(arrival);
    assert_snapshot!("invalid_again", recorder.text);
}

#[test]
fn what_is_not_data_is_skipped() {
    let mut recorder = Recorder::new();
    recorder.harness.deployment.prefix = "incoming/".into();
    for (key, bytes) in [("incoming/", &b""[..]), ("_sluice/schema/x.json", b"{}"), ("elsewhere/x.json", b"{}")] {
        let arrival = recorder.put(key, bytes);
        recorder.deliver(arrival);
    }
    assert_snapshot!("skipped", recorder.text);
}

#[test]
fn a_deleted_version_is_gone() {
    let mut recorder = Recorder::new();
    let arrival = recorder.put("x.json", b"{}");
    recorder.harness.world.s3.delete(PROCESSING, "x.json", arrival.version_id.as_deref());
    recorder.deliver(arrival);
    assert_snapshot!("gone", recorder.text);
}

#[test]
fn a_version_above_the_copy_limit_is_too_large() {
    let mut recorder = Recorder::new();
    let arrival = recorder.put("huge.json", b"{}");
    recorder.deliver_with(arrival, |effect| match effect {
        Effect::Read(_) => Some(EffectResult::Oversize { size: 5 * 1024 * 1024 * 1024 + 1 }),
        _ => None,
    });
    assert_snapshot!("too_large", recorder.text);
}

#[test]
fn a_version_that_cannot_be_read_is_unreadable() {
    let mut recorder = Recorder::new();
    for obstacle in [Obstacle::Archived, Obstacle::KmsKey, Obstacle::CustomerKey] {
        let arrival = recorder.put("x.json", b"{}");
        let version = arrival.version_id.clone().unwrap();
        recorder.harness.world.s3.set_obstacle(PROCESSING, "x.json", &version, Some(obstacle));
        recorder.deliver(arrival);
    }
    assert_snapshot!("unreadable", recorder.text);
}

#[test]
fn an_event_without_a_version_takes_the_latest() {
    let mut recorder = Recorder::new();
    let arrival = recorder.put("4EVR.json", FOREVER);
    recorder.deliver(Arrival { version_id: None, ..arrival });
    assert_snapshot!("stored_pinned_late", recorder.text);
}

#[test]
fn a_message_that_cannot_be_finished_is_a_fault() {
    let mut recorder = Recorder::new();
    let arrival = recorder.put("x.json", b"{");
    let elsewhere = Arrival { bucket: "elsewhere".into(), ..arrival.clone() };
    recorder.deliver(elsewhere);
    recorder.deliver_with(arrival.clone(), |effect| match effect {
        Effect::Read(_) => Some(EffectResult::NotRead(Fault::new("GetObject", "AccessDenied"), None)),
        _ => None,
    });
    recorder.deliver_with(arrival.clone(), |effect| match effect {
        Effect::InspectCopy(_) => Some(EffectResult::Copied(None)),
        _ => None,
    });
    recorder.deliver_with(arrival, |effect| match effect {
        Effect::CheckQuarantine(_) => Some(EffectResult::Stored),
        _ => None,
    });
    let check = Effect::CheckQuarantine(version("k", "v"));
    let fault = messages::explain_fault(&check, Fault::new("GetObject of the reason", "SlowDown"));
    recorder.line("fault", &fault.to_string());
    assert_snapshot!("faults", recorder.text);
}

/// Files with a defect in their bytes, their JSON, or their DynamoDB JSON.
const INVALID_FILES: [&[u8]; 24] = [
    b"",
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
    br#"{"_source":{"S":"x"}}"#,
    br#"{"ArtistID":{"S":"A"},"ItemID":{"S":"TRACK#B"},"Title":"bare","Year":{"N":"x"},"Genre":{"S":"Trap"}}"#,
    br#"{"ArtistID":{"S":""},"ItemID":{"S":"4EVR"},"EntityType":{"S":"Podcast"},"Year":{"S":"2024"}}"#,
    br#"{"a":{},"b":{"S":"x","N":"1"},"c":{"X":1},"d":{"N":5},"e":{"N":"1e999"},"f":{"B":"?"},"g":{"SS":[]}}"#,
    br#"{"a":{"NS":["1","1.0"]},"b":{"M":{"":{"S":"x"}}},"c":{"NULL":false},"d":{"L":{}},"e":{"SS":[1]}}"#,
    br#"{"a":null,"b":true,"c":1,"d":[],"e":{"N":"1e1.5"},"f":{"N":"1e-131"},"g":{"BOOL":"x"},"h":{"BS":{}}}"#,
];

fn problem_lines(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("  [{}] `{}`: {}\n", p.rule, p.path, p.message)).collect()
}

#[test]
fn each_defect_of_a_file_has_a_rule_a_path_and_a_message() {
    let validator = deployment().validator;
    let nested_json = format!("{{\"a\":{}1{}}}", "[".repeat(90), "]".repeat(90));
    let nested_lists = format!("{{\"a\":{}{{\"S\":\"x\"}}{}}}", "{\"L\":[".repeat(32), "]}".repeat(32));
    let item_of = |title: usize| {
        format!(r#"{{"ArtistID":{{"S":"A"}},"ItemID":{{"S":"TRACK#B"}},"Title":{{"S":"{}"}}}}"#, "x".repeat(title))
    };
    let generated = [nested_json, nested_lists, item_of(500 * 1024), item_of(400 * 1024 - 100)];
    let mut text = String::new();
    for bytes in INVALID_FILES.into_iter().chain(generated.iter().map(String::as_bytes)) {
        let shown: String = String::from_utf8_lossy(bytes).escape_debug().take(80).collect();
        let invalid = validator.validate(bytes, &version("k", "v").into(), NOW).unwrap_err();
        write!(text, "{shown}\n{}", problem_lines(&invalid.problems)).unwrap();
    }
    assert_snapshot!("problems", text);
}

#[test]
fn each_defect_of_the_table_key_has_a_message() {
    let mut validator = deployment().validator;
    validator.schema = Schema::compile("{}").unwrap();
    validator.check_item_id = true;
    let long = "x".repeat(2049);
    let with_keys =
        |hash: &str, range: &str| json!({"ArtistID": {"S": hash}, "ItemID": {"S": range}}).to_string().into_bytes();
    let mut text = String::new();
    for bytes in [with_keys("", "r"), with_keys(&long, &long), b"{}".to_vec(), WRONG_ID.to_vec()] {
        let invalid = validator.validate(&bytes, &version("k", "v").into(), NOW).unwrap_err();
        write!(text, "{}", problem_lines(&invalid.problems)).unwrap();
    }
    assert_snapshot!("key_problems", text);
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
