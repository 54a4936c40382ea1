//! What is an item: the rows of 003.8, 003.9 and 003.12, and the limits of DynamoDB.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ingest::judge::Rules;
use ingest::record::Problem;
use ingest::schema::Schema;
use proptest::prelude::*;
use serde_json::{Value, json};
use world::{NOW, plan, source};

fn judge(bytes: &[u8]) -> Result<(), Vec<Problem>> {
    plan().rules.judge(bytes, &source("k", "v"), NOW).map(|_| ())
}

fn item() -> Value {
    serde_json::from_str(include_str!("items/4EVR.json")).unwrap()
}

/// The item with this attribute set to `value`, or removed; returns paths and rules.
fn with(name: &str, value: Option<Value>) -> Vec<(String, String)> {
    let mut item = item();
    let map = item.as_object_mut().unwrap();
    match value {
        Some(value) => map.insert(name.into(), value),
        None => map.remove(name),
    };
    let problems = judge(item.to_string().as_bytes()).err().unwrap_or_default();
    problems.into_iter().map(|p| (p.path, p.rule)).collect()
}

/// 003.8: each attribute has exactly its type; only the two keys are required.
#[test]
fn the_schema_of_003_8() {
    for name in ["Duration", "EntityType", "Streams", "Title", "Features", "Year"] {
        assert_eq!(with(name, None), [], "{name} is optional");
        assert!(!with(name, Some(json!({"BOOL": true}))).is_empty(), "{name} has one type");
    }
    assert_eq!(with("ArtistID", None), [("/ArtistID".into(), "required".into())]);
    assert_eq!(with("ItemID", None), [("/ItemID".into(), "required".into())]);
    assert!(!with("EntityType", Some(json!({"S": "Podcast"}))).is_empty());
    assert!(!with("ItemID", Some(json!({"S": "4EVR"}))).is_empty());
    assert_eq!(with("ItemID", Some(json!({"S": "ALBUM#4EVR"}))), []);
}

/// 003.12: nothing the schema does not declare.
#[test]
fn an_undeclared_attribute_is_named() {
    let found = with("Genre", Some(json!({"S": "Trap"})));
    assert_eq!(found, [("/Genre".into(), "additionalProperties".into())]);
}

#[test]
fn the_reserved_name_is_refused() {
    let found = with("_source", Some(json!({"M": {}})));
    assert_eq!(found, [("/_source".into(), "reserved".into())]);
}

/// 003.9: one item per object; plain JSON, or a list of items, is not DynamoDB JSON.
#[test]
fn plain_json_is_refused() {
    assert!(judge(br#"{"ArtistID": "ISOKNOCK", "ItemID": "TRACK#4EVR"}"#).is_err());
    assert_eq!(judge(b"[]").unwrap_err()[0].rule, "type");
}

#[test]
fn all_problems_are_told_at_once() {
    let bytes = br#"{"ArtistID": {"S": "A"}, "Title": "bare", "Year": {"N": "x"}, "Genre": {"S": "Trap"}}"#;
    let mut paths: Vec<String> = judge(bytes).unwrap_err().into_iter().map(|p| p.path).collect();
    paths.sort();
    assert_eq!(paths, ["/Genre", "/ItemID", "/Title", "/Year/N"]);
}

#[test]
fn numbers_keep_their_text() {
    let text = "12345678901234567890123456789012345678";
    let bytes = format!(r#"{{"ArtistID":{{"S":"A"}},"ItemID":{{"S":"TRACK#B"}},"Year":{{"N":"{text}"}}}}"#);
    let item = plan().rules.judge(bytes.as_bytes(), &source("k", "v"), NOW).unwrap();
    assert_eq!(item.attributes()["Year"]["N"], text);
}

#[test]
fn an_item_of_400_kb_with_its_source_is_the_limit() {
    let sized = |n: usize| world_item(&"x".repeat(n));
    assert!(judge(sized(400 * 1024 - 400).as_bytes()).is_ok());
    let problems = judge(sized(400 * 1024 - 100).as_bytes()).unwrap_err();
    assert_eq!(problems[0].rule, "item-size");
}

fn world_item(title: &str) -> String {
    format!(r#"{{"ArtistID":{{"S":"A"}},"ItemID":{{"S":"TRACK#B"}},"Title":{{"S":"{title}"}}}}"#)
}

#[test]
fn keys_have_dynamodbs_limits() {
    assert!(!with("ArtistID", Some(json!({"S": ""}))).is_empty());
    assert!(!with("ArtistID", Some(json!({"S": "é".repeat(1025)}))).is_empty());
}

/// A schema that allows an item does not make the table take it.
fn allowing() -> Rules {
    Rules { schema: Schema::compile("{}").unwrap(), ..plan().rules }
}

#[test]
fn an_item_nested_too_deep_for_the_table_is_invalid() {
    let bytes = include_bytes!("cases/nesting-32.json");
    let problems = allowing().judge(bytes, &source("k", "v"), NOW).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].rule, "nesting");
    assert_eq!(problems[0].path, format!("/a{}/L", "/L/0".repeat(31)));
    let nested = |n| format!("{}{{\"S\":\"x\"}}{}", "{\"L\":[".repeat(n), "]}".repeat(n));
    let item = |n| format!(r#"{{"ArtistID":{{"S":"a"}},"ItemID":{{"S":"i"}},"a":{}}}"#, nested(n));
    let judged = |n| allowing().judge(item(n).as_bytes(), &source("k", "v"), NOW);
    assert!(judged(31).unwrap().attributes().contains_key("_source"));
    assert!(judged(32).is_err());
}

/// `GetItem` of a key that the table cannot hold is refused, so it must never be asked for.
#[test]
fn only_a_key_that_the_table_can_hold_is_claimed() {
    let key = |hash: usize, range: usize| {
        let (hash, range) = ("h".repeat(hash), "r".repeat(range));
        format!(r#"{{"ArtistID":{{"S":"{hash}"}},"ItemID":{{"S":"{range}"}}}}"#)
    };
    let claimed = |hash, range| plan().rules.claimed_key(key(hash, range).as_bytes());
    let both = claimed(2048, 1024).unwrap();
    assert_eq!(both["ArtistID"]["S"].as_str().map(str::len), Some(2048));
    for (hash, range) in [(2049, 1), (1, 1025), (0, 1), (1, 0)] {
        assert_eq!(claimed(hash, range), None, "{hash} {range}");
    }
    let long = include_bytes!("cases/long-table-key.json");
    assert_eq!(plan().rules.claimed_key(long), None);
    assert!(judge(long).is_err());
}

proptest! {
    /// No bytes make it panic.
    #[test]
    fn any_change_of_a_byte_is_judged(at in 0usize..300, byte in any::<u8>()) {
        let mut bytes = include_bytes!("items/4EVR.json").to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = judge(&bytes);
    }
}
