//! Which objects are valid items: the schema of music items and the limits of DynamoDB.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use ingest::problem::Problem;
use ingest::schema::Schema;
use ingest::validate::ItemValidator;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{NOW, deployment, version};

fn validate(bytes: &[u8]) -> Result<(), Vec<Problem>> {
    let validated = deployment().validator.validate(bytes, &version("k", "v").into(), NOW);
    validated.map(|_| ()).map_err(|invalid| invalid.problems)
}

fn item() -> Value {
    serde_json::from_str(include_str!("items/4EVR.json")).unwrap()
}

/// Validates the item with this attribute set to `value`, or removed; returns the paths and rules of its problems.
fn problems_with(name: &str, value: Option<Value>) -> Vec<(String, String)> {
    let mut item = item();
    let map = item.as_object_mut().unwrap();
    match value {
        Some(value) => map.insert(name.into(), value),
        None => map.remove(name),
    };
    let problems = validate(item.to_string().as_bytes()).err().unwrap_or_default();
    problems.into_iter().map(|p| (p.path, p.rule)).collect()
}

/// Each attribute has exactly one type; only the two key attributes are required.
#[test]
fn the_example_schema_takes_music_items() {
    for name in ["Duration", "EntityType", "Streams", "Title", "Features", "Year"] {
        assert_eq!(problems_with(name, None), [], "{name} is optional");
        assert!(!problems_with(name, Some(json!({"BOOL": true}))).is_empty(), "{name} has one type");
    }
    assert_eq!(problems_with("ArtistID", None), [("/ArtistID".into(), "required".into())]);
    assert_eq!(problems_with("ItemID", None), [("/ItemID".into(), "required".into())]);
    assert!(!problems_with("EntityType", Some(json!({"S": "Podcast"}))).is_empty());
    assert!(!problems_with("ItemID", Some(json!({"S": "4EVR"}))).is_empty());
    assert_eq!(problems_with("ItemID", Some(json!({"S": "ALBUM#4EVR"}))), []);
}

#[test]
fn an_undeclared_attribute_is_invalid() {
    let found = problems_with("Genre", Some(json!({"S": "Trap"})));
    assert_eq!(found, [("/Genre".into(), "additionalProperties".into())]);
}

#[test]
fn the_reserved_attribute_is_invalid() {
    let found = problems_with("_source", Some(json!({"M": {}})));
    assert_eq!(found, [("/_source".into(), "reserved".into())]);
}

/// An object is one item as DynamoDB JSON.
#[test]
fn plain_json_and_lists_of_items_are_invalid() {
    assert!(validate(br#"{"ArtistID": "ISOKNOCK", "ItemID": "TRACK#4EVR"}"#).is_err());
    assert_eq!(validate(b"[]").unwrap_err()[0].rule, "type");
}

#[test]
fn all_problems_are_reported_together() {
    let bytes = br#"{"ArtistID": {"S": "A"}, "Title": "bare", "Year": {"N": "x"}, "Genre": {"S": "Trap"}}"#;
    let mut paths: Vec<String> = validate(bytes).unwrap_err().into_iter().map(|p| p.path).collect();
    paths.sort();
    assert_eq!(paths, ["/Genre", "/ItemID", "/Title", "/Year/N"]);
}

#[test]
fn numbers_are_stored_with_their_text() {
    let text = "12345678901234567890123456789012345678";
    let bytes = format!(r#"{{"ArtistID":{{"S":"A"}},"ItemID":{{"S":"TRACK#B"}},"Year":{{"N":"{text}"}}}}"#);
    let item = deployment().validator.validate(bytes.as_bytes(), &version("k", "v").into(), NOW).unwrap();
    assert_eq!(item.attributes()["Year"]["N"], text);
}

#[test]
fn an_item_has_at_most_400_kb_with_its_source() {
    let sized = |n: usize| item_with_title(&"x".repeat(n));
    assert!(validate(sized(400 * 1024 - 400).as_bytes()).is_ok());
    let problems = validate(sized(400 * 1024 - 100).as_bytes()).unwrap_err();
    assert_eq!(problems[0].rule, "item-size");
}

fn item_with_title(title: &str) -> String {
    format!(r#"{{"ArtistID":{{"S":"A"}},"ItemID":{{"S":"TRACK#B"}},"Title":{{"S":"{title}"}}}}"#)
}

#[test]
fn key_attributes_have_the_limits_of_dynamodb() {
    assert!(!problems_with("ArtistID", Some(json!({"S": ""}))).is_empty());
    assert!(!problems_with("ArtistID", Some(json!({"S": "é".repeat(1025)}))).is_empty());
}

/// With a schema that allows every item.
fn any_schema() -> ItemValidator {
    ItemValidator { schema: Schema::compile("{}").unwrap(), ..deployment().validator }
}

#[test]
fn an_item_nested_too_deep_for_dynamodb_is_invalid() {
    let bytes = include_bytes!("cases/nesting-32.json");
    let problems = any_schema().validate(bytes, &version("k", "v").into(), NOW).unwrap_err().problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].rule, "nesting");
    assert_eq!(problems[0].path, format!("/a{}/L", "/L/0".repeat(31)));
    let nested = |n| format!("{}{{\"S\":\"x\"}}{}", "{\"L\":[".repeat(n), "]}".repeat(n));
    let item = |n| format!(r#"{{"ArtistID":{{"S":"a"}},"ItemID":{{"S":"i"}},"a":{}}}"#, nested(n));
    let validated = |n| any_schema().validate(item(n).as_bytes(), &version("k", "v").into(), NOW);
    assert!(validated(31).unwrap().attributes().contains_key("_source"));
    assert!(validated(32).is_err());
}

/// `GetItem` rejects other keys.
#[test]
fn an_invalid_item_claims_only_a_table_key_that_dynamodb_takes() {
    let key = |hash: usize, range: usize| {
        let (hash, range) = ("h".repeat(hash), "r".repeat(range));
        format!(r#"{{"ArtistID":{{"S":"{hash}"}},"ItemID":{{"S":"{range}"}}}}"#)
    };
    let strict = ItemValidator { schema: Schema::compile("false").unwrap(), ..deployment().validator };
    let claimed_by = |bytes: &[u8]| strict.validate(bytes, &version("k", "v").into(), NOW).unwrap_err().table_key;
    let claimed = |hash, range| claimed_by(key(hash, range).as_bytes());
    let both = claimed(2048, 1024).unwrap();
    assert_eq!(both["ArtistID"]["S"].as_str().map(str::len), Some(2048));
    for (hash, range) in [(2049, 1), (1, 1025), (0, 1), (1, 0)] {
        assert_eq!(claimed(hash, range), None, "{hash} {range}");
    }
    let long = include_bytes!("cases/long-table-key.json");
    assert_eq!(claimed_by(long), None);
    assert_eq!(claimed_by(b"{"), None);
    assert!(validate(long).is_err());
}

proptest! {
    #[test]
    fn an_item_with_a_changed_byte_does_not_panic(position in 0usize..300, byte in any::<u8>()) {
        let mut bytes = include_bytes!("items/4EVR.json").to_vec();
        let index = position % bytes.len();
        bytes[index] = byte;
        let _ = validate(&bytes);
    }
}
