//! Each outcome, with the example items of the requirements.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use ingest::effect::{Effect, EffectResult};
use ingest::outcome::Outcome;
use ingest::schema::Schema;
use lambda_support::Fault;
use support::location::{Location, location};
use support::{Harness, NOW, PROCESSING, QUARANTINE, arrival, reason_record, version};

const FOREVER: &[u8] = include_bytes!("items/4EVR.json");
const BARE_LIST: &[u8] = include_bytes!("items/4EVR-bare-list.json");
const BLIND: &[u8] = include_bytes!("items/BLIND.json");
const WRONG_ID: &[u8] = include_bytes!("items/BLIND-wrong-item-id.json");
const FEEL: &[u8] = include_bytes!("items/FeelULuvMe.json");

#[test]
fn a_valid_object_is_stored_with_its_source() {
    let mut harness = Harness::new();
    let version_id = harness.put("4EVR.json", FOREVER);
    let delivered = harness.deliver("4EVR.json", Some(&version_id));
    assert_eq!(delivered.outcome(), Outcome::Stored);
    assert_eq!(delivered.effect_names(), ["CheckQuarantine", "Read", "Store"]);
    let item = harness.aws.table.items().next().unwrap();
    assert_eq!(item["Streams"]["N"], "6000000");
    assert_eq!(item["_source"]["M"]["key"]["S"], "4EVR.json");
    assert_eq!(item["_source"]["M"]["version_id"]["S"], version_id);
    assert_eq!(item["_source"]["M"]["size"]["N"], FOREVER.len().to_string());
    assert_eq!(item["_source"]["M"]["stored_at"]["S"], NOW.to_string());
    assert!(harness.aws.notices.is_empty());
}

#[test]
fn a_stored_version_that_is_delivered_again_is_redelivered() {
    let mut harness = Harness::new();
    let version_id = harness.put("4EVR.json", FOREVER);
    harness.deliver("4EVR.json", Some(&version_id));
    let before = harness.aws.clone();
    assert_eq!(harness.deliver("4EVR.json", Some(&version_id)).outcome(), Outcome::Redelivered);
    assert_eq!(harness.aws, before);
}

/// Under another key as well as in another version of the same key.
#[test]
fn an_object_with_the_bytes_of_a_stored_one_is_a_duplicate() {
    let mut harness = Harness::new();
    harness.put_and_deliver("FeelULuvMe.json", FEEL);
    for key in ["copy of FeelULuvMe.json", "FeelULuvMe.json"] {
        let verdict = harness.put_and_deliver(key, FEEL);
        assert_eq!(verdict.outcome, Outcome::Duplicate);
        assert_eq!(verdict.other.unwrap().version.key, "FeelULuvMe.json");
    }
    assert_eq!(harness.aws.s3.list(QUARANTINE, ""), Vec::<&str>::new());
}

/// The reason record names the object that was stored first.
#[test]
fn an_object_with_the_table_key_of_another_item_is_a_conflict() {
    let mut harness = Harness::new();
    harness.put_and_deliver("test-object.json", FOREVER);
    let version_id = harness.put("second-test-object.json", WRONG_ID);
    let delivered = harness.deliver("second-test-object.json", Some(&version_id));
    assert_eq!(delivered.outcome(), Outcome::Conflict);
    let quarantining = ["SeeQuarantine", "Copy", "InspectCopy", "WriteReason", "Notify", "DeleteSource"];
    assert_eq!(delivered.effect_names()[3..], quarantining);
    let version = version("second-test-object.json", &version_id);
    let reason = reason_record(&harness.aws, &version).unwrap();
    assert_eq!(reason.other.unwrap().version.key, "test-object.json");
    assert_eq!(reason.source.size, Some(WRONG_ID.len() as u64));
    assert_eq!(harness.aws.notices.len(), 1);
    assert_eq!(harness.put_and_deliver("second-test-object.json", BLIND).outcome, Outcome::Stored);
}

#[test]
fn an_object_with_bare_list_members_is_invalid() {
    let mut harness = Harness::new();
    let version_id = harness.put("4EVR.json", BARE_LIST);
    let verdict = harness.deliver("4EVR.json", Some(&version_id)).verdict.unwrap();
    assert_eq!(verdict.outcome, Outcome::Invalid);
    let paths: Vec<&str> = verdict.reasons.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["/Features/L/0", "/Features/L/1"]);
    let version = version("4EVR.json", &version_id);
    assert_eq!(location(&harness.aws, &version, BARE_LIST, false), Location::Quarantine);
    assert!(harness.aws.notices[0].contains("/Features/L/0"));
    assert!(!harness.aws.notices[0].contains("Knock2"), "the notice quotes content");
}

#[test]
fn a_corrected_upload_is_validated_although_its_key_is_in_quarantine() {
    let mut harness = Harness::new();
    assert_eq!(harness.put_and_deliver("4EVR.json", BARE_LIST).outcome, Outcome::Invalid);
    assert_eq!(harness.put_and_deliver("4EVR.json", FOREVER).outcome, Outcome::Stored);
    assert_eq!(harness.put_and_deliver("4EVR.json", b"{").outcome, Outcome::Invalid);
    assert_eq!(harness.aws.s3.list(QUARANTINE, "").len(), 4, "two copies, two reason records");
}

#[test]
fn a_quarantined_version_that_is_delivered_again_is_not_validated_again() {
    let mut harness = Harness::new();
    let version_id = harness.put("bad.json", b"{");
    harness.deliver("bad.json", Some(&version_id));
    let before = harness.aws.s3.clone();
    let delivered = harness.deliver("bad.json", Some(&version_id));
    assert_eq!(delivered.effect_names(), ["CheckQuarantine", "Notify", "DeleteSource"]);
    let verdict = delivered.verdict.unwrap();
    assert_eq!((verdict.outcome, verdict.again), (Outcome::Invalid, true));
    assert_eq!(harness.aws.s3, before);
}

#[test]
fn folder_markers_project_objects_and_keys_outside_the_prefix_are_skipped() {
    let mut harness = Harness::new();
    assert_eq!(harness.put_and_deliver("incoming/", b"").outcome, Outcome::Skipped);
    assert_eq!(harness.put_and_deliver("_sluice/schema/x.json", b"{}").outcome, Outcome::Skipped);
    harness.deployment.prefix = "incoming/".into();
    assert_eq!(harness.put_and_deliver("elsewhere/x.json", BLIND).outcome, Outcome::Skipped);
    assert_eq!(harness.put_and_deliver("incoming/x.json", BLIND).outcome, Outcome::Stored);
    assert_eq!(harness.put_and_deliver("incoming/with-bytes/", b"x").outcome, Outcome::Invalid);
}

#[test]
fn a_version_that_was_deleted_is_gone() {
    let mut harness = Harness::new();
    let version_id = harness.put("x.json", BLIND);
    harness.aws.s3.delete(PROCESSING, "x.json", Some(&version_id));
    let delivered = harness.deliver("x.json", Some(&version_id));
    assert_eq!(delivered.outcome(), Outcome::Gone);
    assert_eq!(delivered.effect_names(), ["CheckQuarantine", "Read", "FindVersion", "CheckQuarantine"]);
    assert_eq!(harness.deliver("never.json", None).outcome(), Outcome::Gone);
}

/// S3 answers 403 for absent objects too, where the caller may not list. If the version is listed, the message returns
/// to the queue.
#[test]
fn a_denied_read_of_an_existing_version_is_a_fault() {
    let mut harness = Harness::new();
    let version_id = harness.put("x.json", BLIND);
    let denied = Fault::new("GetObject", "AccessDenied");
    let delivered = harness.deliver_with(arrival("x.json", Some(&version_id)), |effect| match effect {
        Effect::Read(_) => Some(EffectResult::NotRead(denied.clone(), None)),
        _ => None,
    });
    assert_eq!(delivered.verdict, Err(denied));
}

#[test]
fn an_object_above_the_size_limit_is_invalid() {
    let mut harness = Harness::new();
    let verdict = harness.put_and_deliver("big.json", &[b' '; 5000]);
    assert_eq!(verdict.outcome, Outcome::Invalid);
    assert_eq!(verdict.reasons[0].rule, "object-size");
    assert!(verdict.source.sha256.is_some(), "it is read from the copy");
}

/// One `CopyObject` call can copy up to 5 GiB.
#[test]
fn an_object_above_the_copy_limit_is_too_large() {
    let mut harness = Harness::new();
    let delivered = harness.deliver_with(arrival("huge.json", Some("v1")), |effect| match effect {
        Effect::Read(_) => Some(EffectResult::Oversize { size: 5 * 1024 * 1024 * 1024 + 1 }),
        _ => None,
    });
    assert_eq!(delivered.effect_names(), ["CheckQuarantine", "Read", "Notify"]);
    assert_eq!(delivered.outcome(), Outcome::TooLarge);
}

#[test]
fn an_event_without_a_version_id_takes_the_latest_version() {
    let mut harness = Harness::new();
    harness.put("x.json", b"{");
    harness.put("x.json", BLIND);
    let delivered = harness.deliver("x.json", None);
    assert_eq!(delivered.effect_names()[0], "FindVersion");
    let verdict = delivered.verdict.unwrap();
    assert_eq!((verdict.outcome, verdict.pinned_late), (Outcome::Stored, true));
}

#[test]
fn a_stricter_schema_does_not_affect_stored_versions() {
    let mut harness = Harness::new();
    let version_id = harness.put("4EVR.json", FOREVER);
    harness.deliver("4EVR.json", Some(&version_id));
    harness.deployment.validator.schema = Schema::compile(r#"{"required": ["Label"]}"#).unwrap();
    let before = harness.aws.clone();
    let delivered = harness.deliver("4EVR.json", Some(&version_id));
    assert_eq!(delivered.outcome(), Outcome::Redelivered);
    assert_eq!(delivered.effect_names(), ["CheckQuarantine", "Read", "FindItem"]);
    assert_eq!(harness.aws, before);
    assert_eq!(harness.put_and_deliver("4EVR again.json", FOREVER).outcome, Outcome::Invalid);
}

/// Uploaders choose attribute names; SNS limits a message to 256 KB.
#[test]
fn a_notice_is_small_whatever_the_attribute_names() {
    let mut harness = Harness::new();
    let attributes: Vec<String> = (0..30).map(|n| format!(r#""{n}{}":{{"S":"x"}}"#, "A".repeat(100))).collect();
    let text = format!("{{{}}}", attributes.join(","));
    assert_eq!(harness.put_and_deliver("names.json", text.as_bytes()).outcome, Outcome::Invalid);
    assert!(harness.aws.notices[0].len() < 32 * 1024);
}

#[test]
fn an_object_with_the_table_key_of_an_item_without_source_is_a_conflict() {
    let mut harness = Harness::new();
    let item = serde_json::from_slice(FEEL).unwrap();
    harness.aws.table.put_new(&item).unwrap();
    let verdict = harness.put_and_deliver("FeelULuvMe.json", FEEL);
    assert_eq!((verdict.outcome, verdict.other), (Outcome::Conflict, None));
}

#[test]
fn item_ids_are_checked_on_request() {
    let mut harness = Harness::new();
    harness.deployment.validator.check_item_id = true;
    assert_eq!(harness.put_and_deliver("FeelULuvMe.json", FEEL).outcome, Outcome::Stored);
    let verdict = harness.put_and_deliver("second-test-object.json", WRONG_ID);
    assert_eq!((verdict.outcome, verdict.reasons[0].rule.as_str()), (Outcome::Invalid, "item-id"));
}

/// A redelivered version publishes the notice again, because the first delivery may have stopped before it.
#[test]
fn stored_versions_are_published_on_request() {
    let mut harness = Harness::new();
    harness.deployment.notify_on.push(Outcome::Stored);
    let version_id = harness.put("4EVR.json", FOREVER);
    harness.deliver("4EVR.json", Some(&version_id));
    harness.deliver("4EVR.json", Some(&version_id));
    assert_eq!(harness.aws.notices.len(), 2);
    assert!(harness.aws.notices.iter().all(|notice| notice.contains(r#""end":"stored""#)));
}

#[test]
fn an_event_of_another_bucket_is_a_fault() {
    let mut arrival = arrival("x.json", Some("v1"));
    arrival.bucket = "elsewhere".into();
    assert!(Harness::new().deliver_with(arrival, |_| None).verdict.is_err());
}
