//! Snapshots of the messages about files, schemas and settings that are not valid. `INSTA_UPDATE=always cargo test` accepts
//! a change.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write;

use ingest::problem::Problem;
use ingest::schema::Schema;
use ingest::settings::Settings;
use insta::assert_snapshot;
use serde_json::json;
use support::{NOW, deployment, version};

const WRONG_ID: &[u8] = include_bytes!("items/BLIND-wrong-item-id.json");

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
