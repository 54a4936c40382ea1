//! Snapshots of what the function writes for each outcome: items, reason records, notices, log lines and metrics.
//! `INSTA_UPDATE=always cargo test` accepts a change.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;

use ingest::attribute_value::{from_attribute_values, to_attribute_values};
use ingest::effect::{Effect, EffectResult};
use ingest::item::source_of;
use ingest::messages;
use ingest::outcome::Outcome;
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
                self.line(if handled.needs_attention { "warn" } else { "info" }, &handled.message);
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
    let item = recorder.harness.aws.table.items().next().unwrap();
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
    recorder.harness.aws.s3.delete(PROCESSING, "x.json", arrival.version_id.as_deref());
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
        recorder.harness.aws.s3.set_obstacle(PROCESSING, "x.json", &version, Some(obstacle));
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
