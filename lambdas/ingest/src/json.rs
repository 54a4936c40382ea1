//! A strict JSON parser: rejects duplicate names, deep nesting and excessive size, and reports the path of each.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::file_type;
use crate::problem::Problem;

/// The largest number of nested arrays and objects. The deepest valid item needs fewer: each of its at most 31 lists and
/// maps is two levels of JSON.
const MAX_NESTING: usize = 70;
/// The largest number of JSON values. The largest item has fewer: each of its values is two JSON values and at least one
/// of its 400 KB. This also bounds memory: so many parsed values take about 250 MB (measured).
const MAX_VALUES: usize = 2 * 400 * 1024;

/// Parses one JSON object (RFC 8259), UTF-8 without a byte order mark.
///
/// # Errors
/// The first problem: empty, another file type, not UTF-8, a byte order mark, not JSON, trailing data, a duplicate name,
/// nesting beyond 70 levels, more than 819,200 values, a number out of range, or not an object.
pub fn parse(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let problem = |rule, message: String| Problem::new("", rule, message);
    if bytes.is_empty() {
        return Err(problem("empty", "the object is empty".into()));
    }
    if let Some(problem) = file_type::problem(bytes) {
        return Err(problem);
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(problem("bom", "the file begins with a byte order mark: save it without one".into()));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let position = e.valid_up_to() + 1;
        problem("utf-8", format!("byte {position} is not valid UTF-8: save the file as UTF-8"))
    })?;
    let violation = RefCell::new(None);
    let values = Cell::new(0);
    let seed = StrictValue { violation: &violation, values: &values, nesting: 0 };
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (parsed, violation.into_inner()) {
        (Ok(Value::Object(object)), _) => Ok(object),
        (Ok(_), _) => Err(problem("type", "the top level must be a JSON object".into())),
        (Err(_), Some(violation)) => Err(violation.into_problem()),
        (Err(error), None) => Err(problem("json", error.to_string())),
    }
}

/// A violation of a rule that the general parser does not have; `path` is collected from the inside out.
struct Violation {
    rule: &'static str,
    message: &'static str,
    path: Vec<String>,
}

impl Violation {
    fn into_problem(self) -> Problem {
        let pointer: String = self.path.iter().rev().map(|name| token(name)).collect();
        Problem::new(pointer, self.rule, self.message)
    }
}

/// The name of an object member as a reference token of a JSON Pointer (RFC 6901), with the leading slash.
#[must_use]
pub(crate) fn token(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Deserializes one value, counting values and nesting.
#[derive(Clone, Copy)]
struct StrictValue<'a> {
    violation: &'a RefCell<Option<Violation>>,
    values: &'a Cell<usize>,
    nesting: usize,
}

impl StrictValue<'_> {
    /// The seed of the members of an array or object.
    fn member<E: Error>(self) -> Result<Self, E> {
        if self.nesting == MAX_NESTING {
            return Err(self.violation("depth", "is nested more than 70 levels deep", Vec::new()));
        }
        Ok(Self { nesting: self.nesting + 1, ..self })
    }

    fn violation<E: Error>(self, rule: &'static str, message: &'static str, path: Vec<String>) -> E {
        *self.violation.borrow_mut() = Some(Violation { rule, message, path });
        E::custom(message)
    }

    /// Adds a member's name or index to the path of a violation inside it.
    fn with_path<E>(self, error: E, token: impl FnOnce() -> String) -> E {
        if let Some(violation) = self.violation.borrow_mut().as_mut() {
            violation.path.push(token());
        }
        error
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > MAX_VALUES {
            return Err(self.violation("values", "the object has more values than an item can have", Vec::new()));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let member = self.member()?;
        let mut items = Vec::new();
        loop {
            match seq.next_element_seed(member) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return Ok(Value::Array(items)),
                Err(error) => return Err(self.with_path(error, || items.len().to_string())),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let member = self.member()?;
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.violation("duplicate-key", "this name occurs twice in its object", vec![name]));
            }
            match map.next_value_seed(member) {
                Ok(value) => object.insert(name, value),
                Err(error) => return Err(self.with_path(error, || name)),
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(bytes: &[u8]) -> (String, String) {
        let problem = parse(bytes).unwrap_err();
        (problem.rule, problem.path)
    }

    #[test]
    fn each_problem_has_a_rule_and_a_path() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(90), "]".repeat(90));
        for (text, rule_name, path) in [
            ("", "empty", ""),
            ("\u{feff}{}", "bom", ""),
            ("{", "json", ""),
            ("{} {}", "json", ""),
            ("{\"a\":1,}", "json", ""),
            ("{\"a\":NaN}", "json", ""),
            ("{\"a\":1e999}", "json", ""),
            ("[]", "type", ""),
            ("\"x\"", "type", ""),
            ("{\"a\":1,\"a\":2}", "duplicate-key", "/a"),
            ("{\"a\":[0,{\"b/c\":{\"~\":1,\"~\":2}}]}", "duplicate-key", "/a/1/b~1c/~0"),
        ] {
            assert_eq!(rule(text.as_bytes()), (rule_name.into(), path.into()), "{text}");
        }
        assert_eq!(rule(b"{\"a\":\"\xff\"}").0, "utf-8");
        let (name, path) = rule(deep.as_bytes());
        assert_eq!(name, "depth");
        assert!(path.starts_with("/a/0/0/0"), "{path}");
    }

    #[test]
    fn a_million_brackets_are_rejected_without_a_stack_overflow() {
        let brackets = "[".repeat(1_000_000);
        assert_eq!(rule(brackets.as_bytes()).0, "depth");
    }

    #[test]
    fn more_values_than_an_item_can_have_are_rejected() {
        let many = format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_VALUES));
        assert_eq!(rule(many.as_bytes()).0, "values");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn accepted_text_has_the_value_that_serde_json_gives(text in "\\{(\"[a-d]\":(1|-2.5|true|null|\"x\"|\\[1,2\\]),?){0,3}\\}") {
            if let Ok(object) = parse(text.as_bytes()) {
                prop_assert_eq!(Value::Object(object), serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
