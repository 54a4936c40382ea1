//! Is this object an item of the table? Pure: bytes in, an item or its problems out.

use serde_json::{Map, Value, json};

use crate::attribute;
use crate::json::{self, token};
use crate::record::{Problem, Source};
use crate::schema::Schema;

/// DynamoDB's limit on an item, in bytes.
const MAX_ITEM: usize = 400 * 1024;
/// DynamoDB's limits on key values, in bytes.
const MAX_HASH_KEY: usize = 2048;
const MAX_RANGE_KEY: usize = 1024;
/// Of objects up to this size, in bytes, every problem is told; of larger ones the first few, so that a hostile one does
/// not take the function's memory.
const THOROUGH: usize = 64 * 1024;
/// The one attribute name that is ours.
pub const SOURCE: &str = "_source";

/// What makes an object an item.
pub struct Rules {
    /// The table's schema.
    pub schema: Schema,
    /// Name of the partition key, a string attribute.
    pub hash_key: String,
    /// Name of the sort key, a string attribute.
    pub range_key: Option<String>,
    /// Whether `ItemID` must be `UPPER(EntityType)#` and the title without blanks.
    pub check_item_id: bool,
}

/// An item as DynamoDB JSON, with its `_source`; only [`Rules::judge`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item(Map<String, Value>);

impl Item {
    /// Its attributes.
    #[must_use]
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl Rules {
    /// Judges the bytes of `source`; `stored_at` (RFC 3339) goes into the item.
    ///
    /// # Errors
    /// Every problem found, by path.
    pub fn judge(&self, bytes: &[u8], source: &Source, stored_at: &str) -> Result<Item, Vec<Problem>> {
        let mut attributes = json::parse(bytes).map_err(|problem| vec![problem])?;
        if attributes.contains_key(SOURCE) {
            let message = "this name is reserved; the pipeline writes it";
            return Err(vec![Problem::new(token(SOURCE), "reserved", message)]);
        }
        let thorough = bytes.len() <= THOROUGH;
        let (size, typed) = match attribute::check(&attributes) {
            Ok(size) => (size, Vec::new()),
            Err(problems) if !thorough => return Err(problems),
            Err(problems) => (0, problems),
        };
        if size > MAX_ITEM {
            return Err(vec![too_large()]);
        }
        let document = Value::Object(attributes);
        let elsewhere = |p: &Problem| !typed.iter().any(|t| attribute_of(t) == attribute_of(p));
        let mut problems = self.schema.problems(&document, !thorough);
        problems.retain(elsewhere);
        problems.extend(typed);
        attributes = match document {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        if problems.is_empty() {
            problems.extend(self.key_problems(&attributes));
            problems.extend(self.item_id_problem(&attributes));
        }
        let own = Map::from_iter([(SOURCE.to_owned(), source_attribute(source, stored_at))]);
        let size = size + attribute::check(&own)?;
        attributes.extend(own);
        if problems.is_empty() && size > MAX_ITEM {
            problems.push(too_large());
        }
        if problems.is_empty() {
            Ok(Item(attributes))
        } else {
            problems.truncate(attribute::MAX_PROBLEMS);
            Err(problems)
        }
    }

    /// The table key that these bytes claim, if they have one at all: what was stored under it may be this very version,
    /// judged by an earlier schema.
    #[must_use]
    pub fn claimed_key(&self, bytes: &[u8]) -> Option<Map<String, Value>> {
        let attributes = json::parse(bytes).ok()?;
        table_key(&attributes, &self.hash_key, self.range_key.as_deref())
    }

    fn key_problems(&self, item: &Map<String, Value>) -> Vec<Problem> {
        key_limits(&self.hash_key, self.range_key.as_deref())
            .filter_map(|(name, limit)| {
                let value = item.get(name).and_then(|v| v.get("S")).and_then(Value::as_str);
                let message = match value {
                    None => "the table's key, a string, is required".to_owned(),
                    Some("") => "the table's key must not be empty".to_owned(),
                    Some(text) if text.len() > limit => {
                        format!("the table's key has at most {limit} bytes")
                    }
                    Some(_) => return None,
                };
                Some(Problem::new(token(name), "key", message))
            })
            .collect()
    }

    fn item_id_problem(&self, item: &Map<String, Value>) -> Option<Problem> {
        let text = |name| item.get(name)?.get("S")?.as_str();
        let (entity, title) = (text("EntityType")?, text("Title")?);
        let blank_free: String = title.split_whitespace().collect();
        let expected = format!("{}#{blank_free}", entity.to_uppercase());
        let wrong = self.check_item_id && text("ItemID") != Some(&expected);
        let message = "is not EntityType in upper case, `#`, and Title without blanks";
        wrong.then(|| Problem::new("/ItemID/S", "item-id", message))
    }
}

/// The table key in an item's attributes, as DynamoDB JSON; `None` if it has none, or one that the table cannot hold:
/// `GetItem` of such a key is refused.
#[must_use]
pub fn table_key(
    attributes: &Map<String, Value>,
    hash_key: &str,
    range_key: Option<&str>,
) -> Option<Map<String, Value>> {
    let keys = key_limits(hash_key, range_key).map(|(name, limit)| {
        let text = attributes.get(name)?.get("S")?.as_str()?;
        let fits = !text.is_empty() && text.len() <= limit;
        fits.then(|| (name.to_owned(), json!({"S": text})))
    });
    keys.collect()
}

/// The names of the key attributes, each with DynamoDB's limit on its value in bytes.
fn key_limits<'a>(hash_key: &'a str, range_key: Option<&'a str>) -> impl Iterator<Item = (&'a str, usize)> {
    let range = range_key.map(|name| (name, MAX_RANGE_KEY));
    [(hash_key, MAX_HASH_KEY)].into_iter().chain(range)
}

fn too_large() -> Problem {
    let message = "larger than an item can be, 400 KB with `_source`";
    Problem::new("", "item-size", message)
}

/// The top-level attribute a problem is about.
fn attribute_of(problem: &Problem) -> &str {
    problem.path.split('/').nth(1).unwrap_or_default()
}

fn source_attribute(source: &Source, stored_at: &str) -> Value {
    json!({"M": {
        "bucket": {"S": source.bucket},
        "key": {"S": source.key},
        "version_id": {"S": source.version_id},
        "sha256": {"S": source.sha256.as_deref().unwrap_or_default()},
        "size": {"N": source.size.unwrap_or_default().to_string()},
        "stored_at": {"S": stored_at},
    }})
}

/// The object an item in the table came from; `None` for an item that was not put by this pipeline.
#[must_use]
pub fn source_of(item: &Map<String, Value>) -> Option<Source> {
    let map = item.get(SOURCE)?.get("M")?;
    let text = |name: &str, tag: &str| Some(map.get(name)?.get(tag)?.as_str()?.to_owned());
    Some(Source {
        bucket: text("bucket", "S")?,
        key: text("key", "S")?,
        version_id: text("version_id", "S")?,
        etag: None,
        size: text("size", "N").and_then(|n| n.parse().ok()),
        sha256: text("sha256", "S"),
        sequencer: None,
    })
}
