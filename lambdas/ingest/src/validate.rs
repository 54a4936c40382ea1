//! Whether an object is a valid item of the table. Pure: bytes in, an item or its problems out.

use serde_json::{Map, Value};
use sluice_types::Timestamp;

use crate::dynamodb_json;
use crate::item::{Item, MAX_ITEM_BYTES, SOURCE_ATTRIBUTE, key_limits, source_attribute, table_key};
use crate::json::{self, token};
use crate::problem::Problem;
use crate::schema::Schema;
use crate::source::Source;

/// Objects up to this size, in bytes, get all their problems reported; larger ones only those that are found first,
/// because collecting all problems of a large object could exhaust the function's memory.
const MAX_EXHAUSTIVE_BYTES: usize = 64 * 1024;

/// Validates objects against the table's schema and DynamoDB's limits.
pub struct ItemValidator {
    /// The table's schema.
    pub schema: Schema,
    /// Name of the partition key, a string attribute.
    pub hash_key: String,
    /// Name of the sort key, a string attribute.
    pub range_key: Option<String>,
    /// Whether `ItemID` must be `EntityType` in upper case, `#`, and `Title` without whitespace.
    pub check_item_id: bool,
}

/// Why an object is not a valid item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidItem {
    /// What is wrong; at least one problem.
    pub problems: Vec<Problem>,
    /// The table key that the object claims, if it has one that the table can hold. The item under it may have been
    /// stored from this very version, under an earlier schema.
    pub table_key: Option<Map<String, Value>>,
}

impl ItemValidator {
    /// Validates the bytes of `source`. `stored_at` becomes part of the item's `_source`.
    ///
    /// # Errors
    /// The problems found.
    pub fn validate(&self, bytes: &[u8], source: &Source, stored_at: Timestamp) -> Result<Item, InvalidItem> {
        let document = match json::parse(bytes) {
            Ok(attributes) => Value::Object(attributes),
            Err(problem) => return Err(InvalidItem { problems: vec![problem], table_key: None }),
        };
        let own = Map::from_iter([(SOURCE_ATTRIBUTE.to_owned(), source_attribute(source, stored_at))]);
        let problems = self.problems(&document, &own, bytes.len() <= MAX_EXHAUSTIVE_BYTES);
        // The schema validates a `Value`; this one is always an object.
        let Value::Object(mut attributes) = document else {
            return Err(InvalidItem { problems, table_key: None });
        };
        if problems.is_empty() {
            attributes.extend(own);
            Ok(Item(attributes))
        } else {
            let table_key = table_key(&attributes, &self.hash_key, self.range_key.as_deref());
            Err(InvalidItem { problems, table_key })
        }
    }

    /// The problems of a parsed object that gets the attributes `own` in addition.
    fn problems(&self, document: &Value, own: &Map<String, Value>, exhaustive: bool) -> Vec<Problem> {
        let Some(attributes) = document.as_object() else {
            return Vec::new();
        };
        if attributes.contains_key(SOURCE_ATTRIBUTE) {
            let message = "this name is reserved: the function writes this attribute; remove it";
            return vec![Problem::new(token(SOURCE_ATTRIBUTE), "reserved", message)];
        }
        let (size, type_problems) = match dynamodb_json::validate(attributes) {
            Ok(size) => (size, Vec::new()),
            Err(problems) if !exhaustive => return problems,
            Err(problems) => (0, problems),
        };
        if size > MAX_ITEM_BYTES {
            return vec![item_too_large()];
        }
        let mut problems = self.schema.problems(document, !exhaustive);
        problems.retain(|p| !type_problems.iter().any(|t| attribute_name(t) == attribute_name(p)));
        problems.extend(type_problems);
        if problems.is_empty() {
            problems.extend(self.key_problems(attributes));
            problems.extend(self.item_id_problem(attributes));
        }
        if problems.is_empty() {
            match dynamodb_json::validate(own) {
                Ok(own_size) if size + own_size > MAX_ITEM_BYTES => problems.push(item_too_large()),
                Ok(_) => {}
                Err(own_problems) => problems.extend(own_problems),
            }
        }
        problems.truncate(dynamodb_json::MAX_PROBLEMS);
        problems
    }

    fn key_problems(&self, attributes: &Map<String, Value>) -> Vec<Problem> {
        key_limits(&self.hash_key, self.range_key.as_deref())
            .filter_map(|(name, limit)| {
                let value = attributes.get(name).and_then(|v| v.get("S")).and_then(Value::as_str);
                let message = match value {
                    None => "this attribute is a key of the table: it is required, and must be a string".to_owned(),
                    Some("") => "a key of the table must not be empty".to_owned(),
                    Some(text) if text.len() > limit => {
                        format!("a key of the table must not be longer than {limit} bytes")
                    }
                    Some(_) => return None,
                };
                Some(Problem::new(token(name), "key", message))
            })
            .collect()
    }

    fn item_id_problem(&self, attributes: &Map<String, Value>) -> Option<Problem> {
        if !self.check_item_id {
            return None;
        }
        let text = |name| attributes.get(name)?.get("S")?.as_str();
        let (entity_type, title) = (text("EntityType")?, text("Title")?);
        let compact_title: String = title.split_whitespace().collect();
        let expected = format!("{}#{compact_title}", entity_type.to_uppercase());
        let message = "must be EntityType in upper case, `#`, and Title without whitespace";
        (text("ItemID") != Some(&expected)).then(|| Problem::new("/ItemID/S", "item-id", message))
    }
}

fn item_too_large() -> Problem {
    Problem::new("", "item-size", "the item is larger than 400 KB with `_source`, which is DynamoDB's limit")
}

/// The top-level attribute that a problem is about.
fn attribute_name(problem: &Problem) -> &str {
    problem.path.split('/').nth(1).unwrap_or_default()
}
