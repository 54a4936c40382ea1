//! DynamoDB JSON: every value carries its type, as in `{"S": "…"}`; here it is held to DynamoDB's own rules.
//!
//! Source of the rules and limits: the DynamoDB developer guide, "Supported data types" and "Constraints".

use std::collections::HashSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use crate::json::token;
use crate::number;
use crate::record::Problem;

/// Problems reported for one object; more would not help anyone.
pub const MAX_PROBLEMS: usize = 20;
/// Lists and maps around a value that DynamoDB takes: its documented 32 levels include the value itself, so that 32
/// around it are refused. `_source` is a map of plain values next to the others and adds nothing to them.
const MAX_NESTING: usize = 31;
/// The longest text of a number, in bytes: the longest that needs no leading zeros, `-0.` with 129 zeros and 38 digits,
/// and as much again. Without it a number of megabytes of zeros would count as one byte.
const MAX_NUMBER: usize = 340;
/// The longest attribute name, in bytes.
const MAX_NAME: usize = 65_535;

const TOO_DEEP: &str = "DynamoDB takes at most 31 lists and maps around a value";

/// Checks an item's attributes and measures them as DynamoDB does.
///
/// # Errors
/// Every problem, at most [`MAX_PROBLEMS`], each with its path.
pub fn check(item: &Map<String, Value>) -> Result<usize, Vec<Problem>> {
    let mut walk = Walk::default();
    let size = walk.map("", item, 0);
    if walk.problems.is_empty() { Ok(size) } else { Err(walk.problems) }
}

#[derive(Default)]
struct Walk {
    problems: Vec<Problem>,
}

impl Walk {
    fn wrong(&mut self, path: &str, rule: &str, message: impl Into<String>) -> usize {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::new(path, rule, message));
        }
        0
    }

    fn map(&mut self, path: &str, attributes: &Map<String, Value>, level: usize) -> usize {
        let mut size = 0;
        for (name, value) in attributes {
            let here = format!("{path}{}", token(name));
            if name.is_empty() || name.len() > MAX_NAME {
                self.wrong(&here, "name", "an attribute name has 1 to 65,535 bytes");
            }
            size += name.len() + self.value(&here, value, level);
        }
        size
    }

    /// One typed value, `{TYPE: value}`; returns its size in bytes.
    fn value(&mut self, path: &str, value: &Value, level: usize) -> usize {
        let mut tags = value.as_object().into_iter().flatten();
        let (Some((tag, inner)), None) = (tags.next(), tags.next()) else {
            let found = kind(value);
            let message = format!("a value carries exactly one type, as in {{\"S\": \"…\"}}; found {found}");
            return self.wrong(path, "untyped", message);
        };
        let here = format!("{path}{}", token(tag));
        match (tag.as_str(), inner) {
            ("S", Value::String(text)) => text.len(),
            ("N", Value::String(text)) => self.number(&here, text),
            ("B", Value::String(text)) => self.binary(&here, text),
            ("BOOL", Value::Bool(_)) | ("NULL", Value::Bool(true)) => 1,
            ("L", Value::Array(items)) => self.list(&here, items, level),
            ("M", Value::Object(map)) => {
                if level == MAX_NESTING {
                    return self.wrong(&here, "nesting", TOO_DEEP);
                }
                3 + map.len() + self.map(&here, map, level + 1)
            }
            ("SS" | "NS" | "BS", Value::Array(items)) => self.set(&here, tag, items),
            ("S" | "N" | "B" | "BOOL" | "NULL" | "L" | "M" | "SS" | "NS" | "BS", _) => {
                let message = format!("`{tag}` takes {}; found {}", takes(tag), kind(inner));
                self.wrong(&here, "type", message)
            }
            _ => {
                let message = "no such type; DynamoDB has S, N, B, BOOL, NULL, L, M, SS, NS, BS";
                self.wrong(&here, "type", message)
            }
        }
    }

    fn list(&mut self, path: &str, items: &[Value], level: usize) -> usize {
        if level == MAX_NESTING {
            return self.wrong(path, "nesting", TOO_DEEP);
        }
        let size: usize = (0..).zip(items).map(|(n, item)| self.value(&format!("{path}/{n}"), item, level + 1)).sum();
        3 + items.len() + size
    }

    fn set(&mut self, path: &str, tag: &str, items: &[Value]) -> usize {
        if items.is_empty() {
            return self.wrong(path, "set", "a set must not be empty");
        }
        let mut seen = HashSet::new();
        let mut size = 0;
        for (n, item) in items.iter().enumerate() {
            let here = format!("{path}/{n}");
            let Some(text) = item.as_str() else {
                let message = format!("a member of `{tag}` is a string; found {}", kind(item));
                self.wrong(&here, "type", message);
                continue;
            };
            size += match tag {
                "NS" => self.number(&here, text),
                "BS" => self.binary(&here, text),
                _ => text.len(),
            };
            let member = if tag == "NS" { number::canonical(text).unwrap_or_default() } else { text.to_owned() };
            if !seen.insert(member) {
                self.wrong(&here, "set", "a set has no member twice");
            }
        }
        size
    }

    fn number(&mut self, path: &str, text: &str) -> usize {
        if text.len() > MAX_NUMBER {
            return self.wrong(path, "number", "a number is written in at most 340 characters");
        }
        match number::canonical(text) {
            Ok(canonical) => number::size(&canonical),
            Err(why) => self.wrong(path, "number", why),
        }
    }

    fn binary(&mut self, path: &str, text: &str) -> usize {
        match BASE64_STANDARD.decode(text) {
            Ok(bytes) => bytes.len(),
            Err(_) => self.wrong(path, "base64", "binary data is written as padded base64"),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a bare string",
        Value::Array(_) => "an array",
        Value::Object(map) if map.is_empty() => "an empty object",
        Value::Object(map) if map.len() > 1 => "an object with several names",
        Value::Object(_) => "an object",
    }
}

fn takes(tag: &str) -> &'static str {
    match tag {
        "N" => "a number written as a string",
        "BOOL" => "true or false",
        "NULL" => "true",
        "L" => "an array of typed values",
        "M" => "an object of typed values",
        "SS" | "NS" | "BS" => "an array of strings",
        _ => "a string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(item: Value) -> Vec<(String, String)> {
        match check(item.as_object().unwrap()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|p| (p.path, p.rule)).collect(),
        }
    }

    fn nested(levels: usize) -> Value {
        let inner = (0..levels).fold(json!({"S": "x"}), |value, _| json!({"L": [value]}));
        json!({"a": inner})
    }

    /// 003.12: nested list members are typed, and the reason says where.
    #[test]
    fn an_untyped_list_member_is_named() {
        let item = json!({"Features": {"L": ["Knock2", {"S": "Isoxo"}]}});
        let found = check(item.as_object().unwrap()).unwrap_err();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "/Features/L/0");
        assert!(found[0].message.contains("{\"S\": \"…\"}"), "{}", found[0].message);
        assert!(!found[0].message.contains("Knock2"), "a value is never quoted");
    }

    #[test]
    fn every_type_and_its_wrong_shapes() {
        let good = json!({"s": {"S": ""}, "n": {"N": "-1.5e3"}, "b": {"B": "AAE="}, "o": {"BOOL": false},
            "u": {"NULL": true}, "l": {"L": []}, "m": {"M": {}}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]},
            "bs": {"BS": ["AA=="]}});
        assert_eq!(problems(good), []);
        for (value, path, rule) in [
            (json!("bare"), "/a", "untyped"),
            (json!({}), "/a", "untyped"),
            (json!({"S": "x", "N": "1"}), "/a", "untyped"),
            (json!({"X": "x"}), "/a/X", "type"),
            (json!({"N": 5}), "/a/N", "type"),
            (json!({"N": ""}), "/a/N", "number"),
            (json!({"NULL": false}), "/a/NULL", "type"),
            (json!({"B": "not base64!"}), "/a/B", "base64"),
            (json!({"SS": []}), "/a/SS", "set"),
            (json!({"SS": ["x", "x"]}), "/a/SS/1", "set"),
            (json!({"NS": ["1", "1.0"]}), "/a/NS/1", "set"),
            (json!({"M": {"": {"S": "x"}}}), "/a/M/", "name"),
            (json!({"M": {"x": 1}}), "/a/M/x", "untyped"),
        ] {
            let expected = vec![(path.to_owned(), rule.to_owned())];
            assert_eq!(problems(json!({"a": value})), expected, "{value}");
        }
    }

    #[test]
    fn nesting_ends_at_31_lists_or_maps() {
        assert_eq!(problems(nested(31)), []);
        let refused = &problems(nested(32))[0];
        assert_eq!(refused.1, "nesting");
        assert_eq!(refused.0, format!("/a{}/L", "/L/0".repeat(31)));
    }

    #[test]
    fn a_number_has_no_megabytes_of_zeros() {
        let number = |zeros: usize| json!({"a": {"N": format!("{}1", "0".repeat(zeros))}});
        assert_eq!(problems(number(339)), []);
        assert_eq!(problems(number(340))[0].1, "number");
        let longest = format!("-0.{}{}", "0".repeat(129), "9".repeat(38));
        assert_eq!(problems(json!({"a": {"N": longest}})), []);
    }

    #[test]
    fn problems_are_all_told_up_to_a_limit() {
        let three = json!({"a": 1, "b": 2, "c": {"S": 3}});
        assert_eq!(problems(three).len(), 3);
        let many: Map<String, Value> = (0..100).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(problems(Value::Object(many)).len(), MAX_PROBLEMS);
    }

    #[test]
    fn sizes_as_dynamodb_counts_them() {
        let size = |item: Value| check(item.as_object().unwrap()).unwrap();
        assert_eq!(size(json!({"name": {"S": "é"}})), 4 + 2);
        assert_eq!(size(json!({"a": {"BOOL": true}})), 1 + 1);
        assert_eq!(size(json!({"a": {"N": "12345"}})), 1 + 3 + 1);
        assert_eq!(size(json!({"a": {"N": "-1200"}})), 1 + 1 + 1 + 1);
        assert_eq!(size(json!({"a": {"L": [{"S": "xy"}]}})), 1 + 3 + 1 + 2);
        assert_eq!(size(json!({"a": {"M": {"b": {"S": "xy"}}}})), 1 + 3 + 1 + 1 + 2);
    }
}
