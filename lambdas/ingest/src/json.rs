//! Strict JSON: what the general parser lets pass silently is refused here, with the place.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::file_type;
use crate::record::Problem;

/// Deeper than any item DynamoDB takes: 31 lists or maps are two levels of JSON each.
const MAX_DEPTH: usize = 70;
/// More JSON values than an item can have: each attribute is two of them and at least one byte of 400 KB. Parsed, they
/// take at most some 250 MB (measured), so this also bounds memory.
const MAX_VALUES: usize = 2 * 400 * 1024;

/// Parses one JSON object.
///
/// # Errors
/// The first of: empty, of another file type, not UTF-8, byte order mark, not JSON, trailing data, a name given twice, nesting beyond
/// [`MAX_DEPTH`], more than [`MAX_VALUES`] values, a number out of range, not an object.
pub fn parse(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let whole = |rule, message: String| Problem::new("", rule, message);
    if bytes.is_empty() {
        return Err(whole("empty", "the object is empty".into()));
    }
    if let Some(problem) = file_type::problem(bytes) {
        return Err(problem);
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(whole("bom", "remove the byte order mark; JSON has none".into()));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to() + 1;
        whole("utf-8", format!("byte {at} is not UTF-8: save the file as UTF-8"))
    })?;
    let fault = RefCell::new(None);
    let count = Cell::new(0);
    let strict = Strict { fault: &fault, count: &count, depth: 0 };
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (parsed, fault.into_inner()) {
        (Ok(Value::Object(object)), _) => Ok(object),
        (Ok(_), _) => Err(whole("type", "the top level must be a JSON object".into())),
        (Err(_), Some(broken)) => Err(broken.problem()),
        (Err(error), None) => Err(whole("json", error.to_string())),
    }
}

/// A rule of ours that was broken; `path` is collected from the inside out.
struct Broken {
    rule: &'static str,
    message: &'static str,
    path: Vec<String>,
}

impl Broken {
    fn problem(self) -> Problem {
        let path = self.path.iter().rev().map(|name| token(name));
        Problem::new(path.collect::<String>(), self.rule, self.message)
    }
}

/// One step of a JSON Pointer.
#[must_use]
pub fn token(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    fault: &'a RefCell<Option<Broken>>,
    count: &'a Cell<usize>,
    depth: usize,
}

impl Strict<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.broken("depth", "nested more than 70 levels deep", Vec::new()));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn broken<E: Error>(self, rule: &'static str, message: &'static str, path: Vec<String>) -> E {
        *self.fault.borrow_mut() = Some(Broken { rule, message, path });
        E::custom(message)
    }

    /// Notes that a fault on its way up came through `step`.
    fn passing<E>(self, error: E, step: impl FnOnce() -> String) -> E {
        if let Some(broken) = self.fault.borrow_mut().as_mut() {
            broken.path.push(step());
        }
        error
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > MAX_VALUES {
            return Err(self.broken("values", "more values than an item can have", Vec::new()));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
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
        let inner = self.inner()?;
        let mut items = Vec::new();
        loop {
            match seq.next_element_seed(inner) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return Ok(Value::Array(items)),
                Err(error) => return Err(self.passing(error, || items.len().to_string())),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.broken("duplicate-key", "this name is given twice", vec![name]));
            }
            match map.next_value_seed(inner) {
                Ok(value) => object.insert(name, value),
                Err(error) => return Err(self.passing(error, || name)),
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
    fn each_refusal_says_its_rule_and_place() {
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
    fn a_message_never_panics_on_a_bomb() {
        let bomb = "[".repeat(1_000_000);
        assert_eq!(rule(bomb.as_bytes()).0, "depth");
    }

    #[test]
    fn more_values_than_an_item_can_have_are_refused() {
        let many = format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_VALUES));
        assert_eq!(rule(many.as_bytes()).0, "values");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_object_or_a_problem(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }

        /// Where the general parser is content and no name is doubled, so are we, with the same value.
        #[test]
        fn agrees_with_the_general_parser(text in "\\{(\"[a-d]\":(1|-2.5|true|null|\"x\"|\\[1,2\\]),?){0,3}\\}") {
            if let Ok(ours) = parse(text.as_bytes()) {
                prop_assert_eq!(Value::Object(ours), serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
