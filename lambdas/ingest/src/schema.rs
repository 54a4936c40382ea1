//! The table's JSON Schema, 2020-12, over the DynamoDB JSON of an item.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;

use crate::attribute::MAX_PROBLEMS;
use crate::json::token;
use crate::pattern;
use crate::record::Problem;

/// A compiled schema.
pub struct Schema(Validator);

/// A schema that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Not JSON.
    #[error("the schema is not JSON: {0}")]
    NotJson(String),
    /// Not a schema, or one that refers to other documents.
    #[error("the schema cannot be used: {0}")]
    Unusable(String),
}

impl Schema {
    /// Compiles a schema. Formats are enforced; references stay inside the document; regular expressions are matched in
    /// linear time.
    ///
    /// # Errors
    /// When it is not JSON, not a valid schema, refers elsewhere, or has a regular expression that cannot be matched in
    /// linear time.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        let document: Value = serde_json::from_str(text).map_err(|e| SchemaError::NotJson(e.to_string()))?;
        if let Some(elsewhere) = remote_reference(&document) {
            let why = format!("`$ref` to `{elsewhere}`; put what it needs under `$defs`");
            return Err(SchemaError::Unusable(why));
        }
        if let Some(why) = pattern::unusable(&document) {
            return Err(SchemaError::Unusable(why));
        }
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(pattern::engine())
            .should_validate_formats(true)
            .build(&document)
            .map(Self)
            .map_err(|e| SchemaError::Unusable(unusable(&e)))
    }

    /// The problems of `item`, at most [`MAX_PROBLEMS`], by path; with `only_first`, those of the first error, which takes
    /// no memory to speak of whatever the item.
    pub fn problems(&self, item: &Value, only_first: bool) -> Vec<Problem> {
        let mut problems = match self.0.validate(item) {
            Ok(()) => return Vec::new(),
            Err(first) if only_first => told(&first),
            Err(_) => self.0.iter_errors(item).flat_map(|e| told(&e)).collect(),
        };
        // Of a wrong tag and a missing one at the same place, what is wanted says more.
        problems.sort_by(|a, b| (&a.path, &a.rule, &b.message).cmp(&(&b.path, &b.rule, &a.message)));
        problems.dedup_by(|a, b| (&a.path, &a.rule) == (&b.path, &b.rule));
        problems.truncate(MAX_PROBLEMS);
        problems
    }
}

/// What the validator has against a schema, and where: in the document, or the keyword that cannot be compiled.
fn unusable(error: &ValidationError) -> String {
    let (instance, keyword) = (error.instance_path().as_str(), error.schema_path().as_str());
    let place = if instance.is_empty() { keyword } else { instance };
    format!("{error}, at `{place}`")
}

/// What one error of the validator tells; undeclared and missing attributes are each told at their own path, and a
/// wrong type tag at the attribute that carries it.
fn told(error: &ValidationError) -> Vec<Problem> {
    let path = error.instance_path().as_str();
    let rule = error.kind().keyword();
    let typed = holds_a_tag(path);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .take(MAX_PROBLEMS)
            .map(|name| match typed {
                true => Problem::new(path, "type", format!("the schema wants no `{name}` here")),
                false => {
                    let path = format!("{path}{}", token(name));
                    Problem::new(path, rule, "the schema does not declare this attribute")
                }
            })
            .collect(),
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![match typed {
                true => Problem::new(path, "type", format!("the schema wants type `{name}` here")),
                false => {
                    let path = format!("{path}{}", token(name));
                    Problem::new(path, rule, "this attribute is required")
                }
            }]
        }
        _ => vec![Problem::new(path, rule, error.masked().to_string())],
    }
}

/// Whether the object at this path is a typed value, `{TAG: …}`, rather than one that holds attributes by name.
fn holds_a_tag(path: &str) -> bool {
    let mut typed = false;
    let mut steps = path.split('/').skip(1);
    while let Some(step) = steps.next() {
        typed = match (typed, step) {
            (false, _) => true,
            (true, "L") => steps.next().is_some(),
            (true, _) => false,
        };
    }
    typed
}

/// The first `$ref` that leaves the document.
fn remote_reference(value: &Value) -> Option<&str> {
    match value {
        Value::Object(map) => {
            let references = ["$ref", "$dynamicRef"].into_iter();
            let mut own = references.filter_map(|name| map.get(name)?.as_str());
            let remote = own.find(|reference| !reference.starts_with('#'));
            remote.or_else(|| map.values().find_map(remote_reference))
        }
        Value::Array(items) => items.iter().find_map(remote_reference),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compiled(schema: &Value) -> Schema {
        Schema::compile(&schema.to_string()).unwrap()
    }

    #[test]
    fn formats_are_enforced() {
        let schema = json!({"properties": {"at": {"properties": {"S": {"format": "date-time"}}}}});
        let found = compiled(&schema).problems(&json!({"at": {"S": "x"}}), false);
        assert_eq!((found[0].path.as_str(), found[0].rule.as_str()), ("/at/S", "format"));
    }

    #[test]
    fn undeclared_and_missing_attributes_are_each_named() {
        let schema = json!({"properties": {"a": {}, "b": {}}, "required": ["a", "b"], "additionalProperties": false});
        let found = compiled(&schema).problems(&json!({"c": 1, "d/e": 2}), false);
        let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["/a", "/b", "/c", "/d~1e"]);
    }

    #[test]
    fn a_wrong_type_is_told_once_at_its_attribute() {
        let number = json!({"properties": {"N": {}}, "required": ["N"], "additionalProperties": false});
        let schema = json!({"properties": {"Year": number, "In": {"properties": {"M": {"required": ["S"]}}},
            "List": {"properties": {"L": {"items": number}}}}});
        let item = json!({"Year": {"S": "x"}, "In": {"M": {}}, "List": {"L": [{"S": "x"}]}});
        let found = compiled(&schema).problems(&item, false);
        let told: Vec<String> = found.iter().map(|p| format!("{} {}", p.rule, p.path)).collect();
        assert_eq!(told, ["required /In/M/S", "type /List/L/0", "type /Year"]);
        assert_eq!(found[2].message, "the schema wants type `N` here");
    }

    #[test]
    fn messages_do_not_quote_the_value() {
        let schema = json!({"properties": {"a": {"pattern": "^x$"}, "b": {"enum": ["y"]}}});
        for problem in compiled(&schema).problems(&json!({"a": "secret", "b": "secret"}), false) {
            assert!(!problem.message.contains("secret"), "{}", problem.message);
        }
    }

    /// Refused when it is compiled, not while a file is judged by it.
    #[test]
    fn a_pattern_that_backtracks_is_refused_by_name_and_place() {
        let error = Schema::compile(include_str!("../tests/cases/slow-pattern.schema.json"));
        let told = error.err().unwrap().to_string();
        assert!(told.contains("`(?<!b)(a*)*(a*)*(a*)*c` at `/properties/T/properties/S/pattern`"), "{told}");
        assert!(told.contains("linear time"), "{told}");
    }

    #[test]
    fn a_pattern_that_looks_slow_ends_at_once() {
        let schema = json!({"properties": {"T": {"properties": {"S": {"pattern": "(a*)*(a*)*(a*)*c"}}}},
            "patternProperties": {"^(x+x+)+y$": false}, "additionalProperties": {"properties": {"S": {"format": "regex"}}}});
        let item = json!({"T": {"S": "a".repeat(300_000)}, "x".repeat(60_000): {"S": "(".repeat(300_000)}});
        let found = compiled(&schema).problems(&item, true);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_schema_that_cannot_be_used_says_so() {
        for (text, expected) in [
            ("", "not JSON"),
            ("{\"type\": \"nonsense\"}", "at `/type`"),
            ("{\"$ref\": \"https://example.com/s.json\"}", "put what it needs under `$defs`"),
            ("{\"properties\": {\"a\": {\"$ref\": \"other.json\"}}}", "other.json"),
        ] {
            let error = Schema::compile(text).err().unwrap().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
