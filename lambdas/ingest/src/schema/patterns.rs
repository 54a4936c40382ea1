//! The regular expressions of a schema. They are matched in linear time; a schema with one that cannot be is rejected when
//! it is compiled, with the expression and its JSON Pointer.

use jsonschema::{Draft, PatternOptions};
use serde_json::{Map, Value, json};

use crate::json::token;

/// The largest compiled regular expression, in bytes. Matching takes time proportional to it and to the text.
const MAX_COMPILED_BYTES: usize = 8 * 1024 * 1024;
/// The engine's limit on the cache used while matching, in bytes.
const MAX_CACHE_BYTES: usize = 2 * 1024 * 1024;
/// A limit far above [`MAX_COMPILED_BYTES`]: an expression that compiles with it is valid but too large.
const MAX_DIAGNOSED_BYTES: usize = 64 * 1024 * 1024;

/// The engine that schemas are compiled with: linear time, no look-around, no back-references.
pub(super) fn engine() -> PatternOptions<jsonschema::Regex> {
    limited(MAX_COMPILED_BYTES)
}

fn limited(bytes: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(bytes).dfa_size_limit(MAX_CACHE_BYTES)
}

/// A message about the first regular expression that cannot be used: which, where, why, and what to do.
pub(super) fn find_unusable(schema: &Value) -> Option<String> {
    patterns(schema).into_iter().find_map(|(pointer, pattern)| {
        let why = defect(&pattern)?;
        Some(format!("the regular expression `{pattern}` at `{pointer}` {why}"))
    })
}

fn defect(pattern: &str) -> Option<&'static str> {
    let schema = json!({"pattern": pattern});
    let options = || jsonschema::options().with_draft(Draft::Draft202012);
    let linear = |bytes| options().with_pattern_options(limited(bytes)).build(&schema);
    if linear(MAX_COMPILED_BYTES).is_ok() {
        return None;
    }
    if !is_ecma(pattern) {
        return Some("is not a valid regular expression (ECMA-262): correct it");
    }
    if linear(MAX_DIAGNOSED_BYTES).is_ok() {
        return Some(
            "takes more than 8 MiB once compiled: shorten counted repetitions such as `{1,1000}`, or use `maxLength`",
        );
    }
    if options().build(&schema).is_ok() {
        return Some(
            "uses look-around or back-references, which cannot be matched in linear time: rewrite it without `(?=`, `(?!`, \
             `(?<=`, `(?<!` and `\\1`, for example as several `pattern`s in an `allOf` or a `not`",
        );
    }
    Some("cannot be compiled: it is too large or uses syntax that the engine does not know; simplify it")
}

/// Whether the text is a valid ECMA-262 regular expression, as the format `regex` of JSON Schema defines it.
fn is_ecma(pattern: &str) -> bool {
    let checker = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&json!({"format": "regex"}));
    checker.is_ok_and(|checker| checker.is_valid(&json!(pattern)))
}

/// Every regular expression of a schema with its JSON Pointer.
fn patterns(schema: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![(String::new(), schema, true)];
    while let Some((pointer, value, is_schema)) = pending.pop() {
        match value {
            Value::Object(map) if is_schema => keywords(&pointer, map, &mut found, &mut pending),
            Value::Object(map) => {
                let members = map.iter();
                pending.extend(members.map(|(name, v)| (pointer.clone() + &token(name), v, true)));
            }
            Value::Array(items) => {
                let members = items.iter().enumerate();
                pending.extend(members.map(|(n, v)| (format!("{pointer}/{n}"), v, true)));
            }
            _ => {}
        }
    }
    found.sort();
    found
}

/// Adds the patterns of one schema to `found` and its subschemas to `pending`.
fn keywords<'a>(
    pointer: &str,
    schema: &'a Map<String, Value>,
    found: &mut Vec<(String, String)>,
    pending: &mut Vec<(String, &'a Value, bool)>,
) {
    for (name, value) in schema {
        let member = format!("{pointer}{}", token(name));
        match (name.as_str(), value) {
            // Their values are data, in which a member called `pattern` is not a keyword.
            ("const" | "enum" | "default" | "examples", _) => {}
            ("pattern", Value::String(pattern)) => found.push((member, pattern.clone())),
            ("patternProperties", Value::Object(by_pattern)) => {
                let names = by_pattern.keys();
                found.extend(names.map(|p| (format!("{member}{}", token(p)), p.clone())));
                pending.push((member, value, false));
            }
            // Schemas by name.
            ("properties" | "$defs" | "definitions" | "dependentSchemas", _) => {
                pending.push((member, value, false));
            }
            _ => pending.push((member, value, true)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unusable_pattern_has_a_pointer_and_a_reason() {
        for (schema, pointer, why) in [
            (json!({"pattern": "a(?=b)"}), "`/pattern`", "look-around"),
            (json!({"items": {"pattern": r"(a)\1"}}), "`/items/pattern`", "back-references"),
            (json!({"allOf": [{"pattern": "(?<!b)c"}]}), "`/allOf/0/pattern`", "look-around"),
            (json!({"properties": {"pattern": {"pattern": "("}}}), "`/properties/pattern/pattern`", "not a valid"),
            (json!({"patternProperties": {"a/(?!b)": {}}}), "`/patternProperties/a~1(?!b)`", "look-around"),
            (json!({"patternProperties": {"a": {"pattern": "["}}}), "`/patternProperties/a/pattern`", "not a valid"),
            (json!({"$defs": {"x": {"pattern": r"(\p{L}{1,20}){1,20}"}}}), "`/$defs/x/pattern`", "`{1,1000}`"),
        ] {
            let message = find_unusable(&schema).unwrap();
            assert!(message.contains(pointer) && message.contains(why), "{message}");
        }
    }

    #[test]
    fn data_that_looks_like_a_pattern_is_ignored() {
        let schema = json!({"const": {"pattern": "("}, "enum": [{"pattern": "("}], "default": {"pattern": "("},
            "properties": {"default": {"pattern": "^a$"}, "pattern": {"const": "("}}});
        assert_eq!(find_unusable(&schema), None);
        assert_eq!(patterns(&schema).len(), 1);
    }

    #[test]
    fn common_patterns_are_accepted() {
        for pattern in [
            r"^\w{1,255}$",
            r"^(TRACK|ALBUM)#.+$",
            r"^[\p{L}\p{N} .,'-]{1,64}$",
            r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$",
            r"^[^\s@]{1,64}@[^\s@]{1,255}$",
            "(a*)*(a*)*(a*)*c",
        ] {
            assert_eq!(defect(pattern), None, "{pattern}");
        }
    }
}
