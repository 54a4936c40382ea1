//! The regular expressions of a schema: they are matched in linear time, and one that cannot be is refused when the
//! schema is compiled, by name and place.

use jsonschema::{Draft, PatternOptions};
use serde_json::{Map, Value, json};

use crate::json::token;

/// The most a compiled regular expression may take, in bytes: matching takes time in proportion to it and to the text.
const MAX_COMPILED: usize = 8 * 1024 * 1024;
/// The engine's own limit on the cache of one matching, in bytes.
const MAX_CACHE: usize = 2 * 1024 * 1024;
/// What a regular expression is tried with, in bytes, to tell one that is too large from one that is wrong.
const FAR_ABOVE: usize = 64 * 1024 * 1024;

/// The engine that schemas are compiled with: linear time, no look-around, no back-references.
pub(crate) fn engine() -> PatternOptions<jsonschema::Regex> {
    limited(MAX_COMPILED)
}

fn limited(bytes: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(bytes).dfa_size_limit(MAX_CACHE)
}

/// The first regular expression of a schema that cannot be used, in words: which, where, why, and what to do.
pub(crate) fn unusable(schema: &Value) -> Option<String> {
    patterns(schema).into_iter().find_map(|(place, pattern)| {
        let why = defect(&pattern)?;
        Some(format!("the regular expression `{pattern}` at `{place}` {why}"))
    })
}

fn defect(pattern: &str) -> Option<&'static str> {
    let alone = json!({"pattern": pattern});
    let options = || jsonschema::options().with_draft(Draft::Draft202012);
    let linear = |bytes| options().with_pattern_options(limited(bytes)).build(&alone);
    if linear(MAX_COMPILED).is_ok() {
        return None;
    }
    if !is_ecma(pattern) {
        return Some("is not a valid regular expression (ECMA-262): correct it");
    }
    if linear(FAR_ABOVE).is_ok() {
        return Some(
            "takes more than 8 MiB once compiled: shorten counted repetitions such as `{1,1000}`, or use `maxLength`",
        );
    }
    if options().build(&alone).is_ok() {
        return Some(
            "uses look-around or back-references, which cannot be matched in linear time: rewrite it without `(?=`, `(?!`, \
             `(?<=`, `(?<!` and `\\1`, for example as several `pattern`s in an `allOf` or a `not`",
        );
    }
    Some("cannot be compiled: it is too large or uses syntax that the engine does not know; simplify it")
}

/// Whether the text is a regular expression by ECMA-262, which is what JSON Schema's own format checks.
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
    let mut waiting = vec![(String::new(), schema, true)];
    while let Some((place, value, is_schema)) = waiting.pop() {
        match value {
            Value::Object(map) if is_schema => keywords(&place, map, &mut found, &mut waiting),
            Value::Object(map) => {
                let members = map.iter();
                waiting.extend(members.map(|(name, v)| (place.clone() + &token(name), v, true)));
            }
            Value::Array(items) => {
                let members = items.iter().enumerate();
                waiting.extend(members.map(|(n, v)| (format!("{place}/{n}"), v, true)));
            }
            _ => {}
        }
    }
    found.sort();
    found
}

fn keywords<'a>(
    place: &str,
    schema: &'a Map<String, Value>,
    found: &mut Vec<(String, String)>,
    waiting: &mut Vec<(String, &'a Value, bool)>,
) {
    for (name, value) in schema {
        let here = format!("{place}{}", token(name));
        match (name.as_str(), value) {
            // Values of the user's own, where a member called `pattern` means nothing.
            ("const" | "enum" | "default" | "examples", _) => {}
            ("pattern", Value::String(pattern)) => found.push((here, pattern.clone())),
            ("patternProperties", Value::Object(by_pattern)) => {
                let names = by_pattern.keys();
                found.extend(names.map(|p| (format!("{here}{}", token(p)), p.clone())));
                waiting.push((here, value, false));
            }
            // Schemas by name.
            ("properties" | "$defs" | "definitions" | "dependentSchemas", _) => {
                waiting.push((here, value, false));
            }
            _ => waiting.push((here, value, true)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_defect_says_what_where_and_what_to_do() {
        for (schema, place, why) in [
            (json!({"pattern": "a(?=b)"}), "`/pattern`", "look-around"),
            (json!({"items": {"pattern": r"(a)\1"}}), "`/items/pattern`", "back-references"),
            (json!({"allOf": [{"pattern": "(?<!b)c"}]}), "`/allOf/0/pattern`", "look-around"),
            (json!({"properties": {"pattern": {"pattern": "("}}}), "`/properties/pattern/pattern`", "not a valid"),
            (json!({"patternProperties": {"a/(?!b)": {}}}), "`/patternProperties/a~1(?!b)`", "look-around"),
            (json!({"patternProperties": {"a": {"pattern": "["}}}), "`/patternProperties/a/pattern`", "not a valid"),
            (json!({"$defs": {"x": {"pattern": r"(\p{L}{1,20}){1,20}"}}}), "`/$defs/x/pattern`", "`{1,1000}`"),
        ] {
            let told = unusable(&schema).unwrap();
            assert!(told.contains(place) && told.contains(why), "{told}");
        }
    }

    #[test]
    fn values_that_look_like_patterns_are_none() {
        let schema = json!({"const": {"pattern": "("}, "enum": [{"pattern": "("}], "default": {"pattern": "("},
            "properties": {"default": {"pattern": "^a$"}, "pattern": {"const": "("}}});
        assert_eq!(unusable(&schema), None);
        assert_eq!(patterns(&schema).len(), 1);
    }

    #[test]
    fn what_people_write_fits() {
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
