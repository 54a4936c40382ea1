//! DynamoDB JSON, in which every value carries its type, as in `{"S": "…"}`: validation against DynamoDB's own rules.
//!
//! Source of the rules and limits: the DynamoDB developer guide, "Supported data types" and "Constraints".

use std::collections::HashSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use crate::json::token;
use crate::number;
use crate::problem::Problem;

/// The largest number of problems reported for one object.
pub(crate) const MAX_PROBLEMS: usize = 20;
/// The largest number of lists and maps around a value. DynamoDB's documented 32 levels include the value itself. The
/// `_source` attribute does not count: it stands next to the other attributes.
const MAX_NESTING: usize = 31;
/// The longest text of a number, in bytes. The longest number without leading zeros (`-0.`, 129 zeros, 38 digits) has 170.
/// Without a limit, megabytes of zeros would count as one byte of an item.
const MAX_NUMBER_BYTES: usize = 340;
/// The longest attribute name, in bytes.
const MAX_NAME_BYTES: usize = 65_535;

const TOO_DEEP: &str = "a value can be nested in at most 31 lists and maps, which is DynamoDB's limit";

/// Validates an item's attributes; returns their size in bytes, as DynamoDB counts it.
///
/// # Errors
/// Every problem, at most [`MAX_PROBLEMS`].
pub(crate) fn validate(attributes: &Map<String, Value>) -> Result<usize, Vec<Problem>> {
    let mut checker = Checker::default();
    let size = checker.map("", attributes, 0);
    if checker.problems.is_empty() { Ok(size) } else { Err(checker.problems) }
}

/// Collects the problems of an item. Its methods return sizes in bytes, 0 for what is not valid.
#[derive(Default)]
struct Checker {
    problems: Vec<Problem>,
}

impl Checker {
    fn reject(&mut self, path: &str, rule: &str, message: impl Into<String>) -> usize {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::new(path, rule, message));
        }
        0
    }

    fn map(&mut self, path: &str, attributes: &Map<String, Value>, level: usize) -> usize {
        let mut size = 0;
        for (name, value) in attributes {
            let inner_path = format!("{path}{}", token(name));
            if name.is_empty() || name.len() > MAX_NAME_BYTES {
                self.reject(&inner_path, "name", "an attribute name must have 1 to 65,535 bytes");
            }
            size += name.len() + self.value(&inner_path, value, level);
        }
        size
    }

    /// One typed value, `{TYPE: value}`.
    fn value(&mut self, path: &str, value: &Value, level: usize) -> usize {
        let mut tags = value.as_object().into_iter().flatten();
        let (Some((tag, inner)), None) = (tags.next(), tags.next()) else {
            let found = kind(value);
            let message = format!("a value carries exactly one type, as in {{\"S\": \"…\"}}; found {found}");
            return self.reject(path, "untyped", message);
        };
        let inner_path = format!("{path}{}", token(tag));
        match (tag.as_str(), inner) {
            ("S", Value::String(text)) => text.len(),
            ("N", Value::String(text)) => self.number(&inner_path, text),
            ("B", Value::String(text)) => self.binary(&inner_path, text),
            ("BOOL", Value::Bool(_)) | ("NULL", Value::Bool(true)) => 1,
            ("L", Value::Array(items)) => self.list(&inner_path, items, level),
            ("M", Value::Object(map)) => {
                if level == MAX_NESTING {
                    return self.reject(&inner_path, "nesting", TOO_DEEP);
                }
                3 + map.len() + self.map(&inner_path, map, level + 1)
            }
            ("SS" | "NS" | "BS", Value::Array(items)) => self.set(&inner_path, tag, items),
            ("S" | "N" | "B" | "BOOL" | "NULL" | "L" | "M" | "SS" | "NS" | "BS", _) => {
                let message = format!("`{tag}` takes {}; found {}", expected_value(tag), kind(inner));
                self.reject(&inner_path, "type", message)
            }
            _ => {
                let message = "is not a DynamoDB type: use S, N, B, BOOL, NULL, L, M, SS, NS or BS";
                self.reject(&inner_path, "type", message)
            }
        }
    }

    fn list(&mut self, path: &str, items: &[Value], level: usize) -> usize {
        if level == MAX_NESTING {
            return self.reject(path, "nesting", TOO_DEEP);
        }
        let size: usize = (0..).zip(items).map(|(n, item)| self.value(&format!("{path}/{n}"), item, level + 1)).sum();
        3 + items.len() + size
    }

    fn set(&mut self, path: &str, tag: &str, items: &[Value]) -> usize {
        if items.is_empty() {
            return self.reject(path, "set", "a set must not be empty");
        }
        let mut seen = HashSet::new();
        let mut size = 0;
        for (n, item) in items.iter().enumerate() {
            let inner_path = format!("{path}/{n}");
            let Some(text) = item.as_str() else {
                let message = format!("a member of `{tag}` must be a string; found {}", kind(item));
                self.reject(&inner_path, "type", message);
                continue;
            };
            size += match tag {
                "NS" => self.number(&inner_path, text),
                "BS" => self.binary(&inner_path, text),
                _ => text.len(),
            };
            let member = if tag == "NS" { number::canonical(text).unwrap_or_default() } else { text.to_owned() };
            if !seen.insert(member) {
                self.reject(&inner_path, "set", "a set must not contain a member twice");
            }
        }
        size
    }

    fn number(&mut self, path: &str, text: &str) -> usize {
        if text.len() > MAX_NUMBER_BYTES {
            return self.reject(path, "number", "a number must not be longer than 340 characters");
        }
        match number::canonical(text) {
            Ok(canonical) => number::size(&canonical),
            Err(why) => self.reject(path, "number", why),
        }
    }

    fn binary(&mut self, path: &str, text: &str) -> usize {
        match BASE64_STANDARD.decode(text) {
            Ok(bytes) => bytes.len(),
            Err(_) => self.reject(path, "base64", "binary data must be padded base64"),
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

fn expected_value(tag: &str) -> &'static str {
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
        match validate(item.as_object().unwrap()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|p| (p.path, p.rule)).collect(),
        }
    }

    fn nested(levels: usize) -> Value {
        let inner = (0..levels).fold(json!({"S": "x"}), |value, _| json!({"L": [value]}));
        json!({"a": inner})
    }

    #[test]
    fn an_untyped_list_member_is_reported_with_its_path() {
        let item = json!({"Features": {"L": ["Knock2", {"S": "Isoxo"}]}});
        let found = validate(item.as_object().unwrap()).unwrap_err();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "/Features/L/0");
        assert!(found[0].message.contains("{\"S\": \"…\"}"), "{}", found[0].message);
        assert!(!found[0].message.contains("Knock2"), "the value is not quoted");
    }

    #[test]
    fn valid_and_invalid_values_of_each_type() {
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
    fn a_value_can_be_nested_in_31_lists() {
        assert_eq!(problems(nested(31)), []);
        let problem = &problems(nested(32))[0];
        assert_eq!(problem.1, "nesting");
        assert_eq!(problem.0, format!("/a{}/L", "/L/0".repeat(31)));
    }

    #[test]
    fn the_text_of_a_number_is_limited() {
        let number = |zeros: usize| json!({"a": {"N": format!("{}1", "0".repeat(zeros))}});
        assert_eq!(problems(number(339)), []);
        assert_eq!(problems(number(340))[0].1, "number");
        let longest = format!("-0.{}{}", "0".repeat(129), "9".repeat(38));
        assert_eq!(problems(json!({"a": {"N": longest}})), []);
    }

    #[test]
    fn all_problems_are_reported_up_to_a_limit() {
        let three = json!({"a": 1, "b": 2, "c": {"S": 3}});
        assert_eq!(problems(three).len(), 3);
        let many: Map<String, Value> = (0..100).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(problems(Value::Object(many)).len(), MAX_PROBLEMS);
    }

    #[test]
    fn sizes_are_counted_as_in_dynamodb() {
        let size = |item: Value| validate(item.as_object().unwrap()).unwrap();
        assert_eq!(size(json!({"name": {"S": "é"}})), 4 + 2);
        assert_eq!(size(json!({"a": {"BOOL": true}})), 1 + 1);
        assert_eq!(size(json!({"a": {"N": "12345"}})), 1 + 3 + 1);
        assert_eq!(size(json!({"a": {"N": "-1200"}})), 1 + 1 + 1 + 1);
        assert_eq!(size(json!({"a": {"L": [{"S": "xy"}]}})), 1 + 3 + 1 + 2);
        assert_eq!(size(json!({"a": {"M": {"b": {"S": "xy"}}}})), 1 + 3 + 1 + 1 + 2);
    }
}
