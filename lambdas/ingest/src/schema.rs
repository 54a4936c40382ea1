//! The table's JSON Schema (2020-12), which describes the DynamoDB JSON of an item.

mod patterns;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;

use crate::dynamodb_json::MAX_PROBLEMS;
use crate::json::token;
use crate::problem::Problem;

/// A compiled schema.
pub struct Schema(Validator);

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Not JSON.
    #[error("the schema is not JSON: {0}")]
    NotJson(String),
    /// It is not a valid schema, refers to another document, or has a regular expression that cannot be used.
    #[error("the schema cannot be used: {0}")]
    Unusable(String),
}

impl Schema {
    /// Compiles a schema. Formats are enforced, and regular expressions are matched in linear time.
    ///
    /// # Errors
    /// When it is not JSON, not a valid schema, refers to another document, or has a regular expression that cannot be
    /// matched in linear time.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        let document: Value = serde_json::from_str(text).map_err(|e| SchemaError::NotJson(e.to_string()))?;
        if let Some(reference) = remote_reference(&document) {
            let why = format!("`$ref` to `{reference}`, which is another document: copy the definition to `$defs`");
            return Err(SchemaError::Unusable(why));
        }
        if let Some(why) = patterns::find_unusable(&document) {
            return Err(SchemaError::Unusable(why));
        }
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns::engine())
            .should_validate_formats(true)
            .build(&document)
            .map(Self)
            .map_err(|e| SchemaError::Unusable(compile_error(&e)))
    }

    /// The problems of `item`, sorted by path, at most 20. With `only_first`, only those of the first error, which needs
    /// little memory whatever the size of the item.
    pub(crate) fn problems(&self, item: &Value, only_first: bool) -> Vec<Problem> {
        let mut problems = match self.0.validate(item) {
            Ok(()) => return Vec::new(),
            Err(first) if only_first => problems_of(&first),
            Err(_) => self.0.iter_errors(item).flat_map(|e| problems_of(&e)).collect(),
        };
        // Of an unexpected and a missing type tag at the same path, the message about the missing one is kept.
        problems.sort_by(|a, b| (&a.path, &a.rule, &b.message).cmp(&(&b.path, &b.rule, &a.message)));
        problems.dedup_by(|a, b| (&a.path, &a.rule) == (&b.path, &b.rule));
        problems.truncate(MAX_PROBLEMS);
        problems
    }
}

/// Why a schema does not compile, with the JSON Pointer of the invalid value, or else of the keyword.
fn compile_error(error: &ValidationError) -> String {
    let (instance, keyword) = (error.instance_path().as_str(), error.schema_path().as_str());
    let pointer = if instance.is_empty() { keyword } else { instance };
    format!("{error}, at `{pointer}`")
}

/// The problems of one validation error. Each undeclared or missing attribute is a problem at its own path, a wrong type
/// tag one at the path of its attribute.
fn problems_of(error: &ValidationError) -> Vec<Problem> {
    let path = error.instance_path().as_str();
    let rule = error.kind().keyword();
    let typed = is_typed_value(path);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .take(MAX_PROBLEMS)
            .map(|name| match typed {
                true => Problem::new(path, "type", format!("the schema does not allow type `{name}` here")),
                false => {
                    let member = format!("{path}{}", token(name));
                    Problem::new(member, rule, "the schema does not declare this attribute: remove it")
                }
            })
            .collect(),
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![match typed {
                true => Problem::new(path, "type", format!("the schema requires type `{name}` here")),
                false => {
                    let member = format!("{path}{}", token(name));
                    Problem::new(member, rule, "this attribute is required")
                }
            }]
        }
        _ => vec![Problem::new(path, rule, error.masked().to_string())],
    }
}

/// Whether the object at this path is a typed value, `{TAG: …}`; otherwise its members are attributes.
fn is_typed_value(path: &str) -> bool {
    let mut typed = false;
    let mut tokens = path.split('/').skip(1);
    while let Some(token) = tokens.next() {
        typed = match (typed, token) {
            (false, _) => true,
            (true, "L") => tokens.next().is_some(),
            (true, _) => false,
        };
    }
    typed
}

/// The first reference to another document.
fn remote_reference(value: &Value) -> Option<&str> {
    match value {
        Value::Object(map) => {
            let references = ["$ref", "$dynamicRef"].into_iter();
            let mut members = references.filter_map(|name| map.get(name)?.as_str());
            let remote = members.find(|reference| !reference.starts_with('#'));
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
    fn undeclared_and_missing_attributes_are_separate_problems() {
        let schema = json!({"properties": {"a": {}, "b": {}}, "required": ["a", "b"], "additionalProperties": false});
        let found = compiled(&schema).problems(&json!({"c": 1, "d/e": 2}), false);
        let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["/a", "/b", "/c", "/d~1e"]);
    }

    #[test]
    fn a_wrong_type_is_one_problem_at_its_attribute() {
        let number = json!({"properties": {"N": {}}, "required": ["N"], "additionalProperties": false});
        let schema = json!({"properties": {"Year": number, "In": {"properties": {"M": {"required": ["S"]}}},
            "List": {"properties": {"L": {"items": number}}}}});
        let item = json!({"Year": {"S": "x"}, "In": {"M": {}}, "List": {"L": [{"S": "x"}]}});
        let found = compiled(&schema).problems(&item, false);
        let lines: Vec<String> = found.iter().map(|p| format!("{} {}", p.rule, p.path)).collect();
        assert_eq!(lines, ["required /In/M/S", "type /List/L/0", "type /Year"]);
        assert_eq!(found[2].message, "the schema requires type `N` here");
    }

    #[test]
    fn messages_do_not_quote_the_value() {
        let schema = json!({"properties": {"a": {"pattern": "^x$"}, "b": {"enum": ["y"]}}});
        for problem in compiled(&schema).problems(&json!({"a": "secret", "b": "secret"}), false) {
            assert!(!problem.message.contains("secret"), "{}", problem.message);
        }
    }

    /// It is rejected when the schema is compiled, not while a file is validated.
    #[test]
    fn a_pattern_with_look_around_is_rejected_with_its_path() {
        let error = Schema::compile(include_str!("../tests/cases/slow-pattern.schema.json"));
        let message = error.err().unwrap().to_string();
        assert!(message.contains("`(?<!b)(a*)*(a*)*(a*)*c` at `/properties/T/properties/S/pattern`"), "{message}");
        assert!(message.contains("linear time"), "{message}");
    }

    #[test]
    fn nested_repetitions_are_matched_in_linear_time() {
        let schema = json!({"properties": {"T": {"properties": {"S": {"pattern": "(a*)*(a*)*(a*)*c"}}}},
            "patternProperties": {"^(x+x+)+y$": false}, "additionalProperties": {"properties": {"S": {"format": "regex"}}}});
        let item = json!({"T": {"S": "a".repeat(300_000)}, "x".repeat(60_000): {"S": "(".repeat(300_000)}});
        let found = compiled(&schema).problems(&item, true);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_rejected() {
        for (text, expected) in [
            ("", "not JSON"),
            ("{\"type\": \"nonsense\"}", "at `/type`"),
            ("{\"$ref\": \"https://example.com/s.json\"}", "copy the definition to `$defs`"),
            ("{\"properties\": {\"a\": {\"$ref\": \"other.json\"}}}", "other.json"),
        ] {
            let error = Schema::compile(text).err().unwrap().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
