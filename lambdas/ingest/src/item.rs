//! An item of the table, as DynamoDB JSON.

use serde_json::{Map, Value, json};
use sluice_types::{ObjectVersion, Timestamp};

use crate::source::Source;

/// DynamoDB's limit on an item, in bytes.
pub(crate) const MAX_ITEM_BYTES: usize = 400 * 1024;
/// DynamoDB's limit on the value of a partition key, in bytes.
const MAX_HASH_KEY_BYTES: usize = 2048;
/// DynamoDB's limit on the value of a sort key, in bytes.
const MAX_RANGE_KEY_BYTES: usize = 1024;
/// The attribute that the function adds to each item: which object version it was stored from. Files must not have it.
pub const SOURCE_ATTRIBUTE: &str = "_source";

/// A valid item with its `_source`; only [`crate::validate::ItemValidator::validate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item(pub(crate) Map<String, Value>);

impl Item {
    /// Its attributes, as DynamoDB JSON.
    #[must_use]
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// The table key in an item's attributes, as DynamoDB JSON. `None` if a key attribute is missing, not a string, empty or
/// above DynamoDB's limit, because `GetItem` rejects such a key.
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
pub(crate) fn key_limits<'a>(hash_key: &'a str, range_key: Option<&'a str>) -> impl Iterator<Item = (&'a str, usize)> {
    let range = range_key.map(|name| (name, MAX_RANGE_KEY_BYTES));
    [(hash_key, MAX_HASH_KEY_BYTES)].into_iter().chain(range)
}

/// The value of `_source` for an item of this version.
pub(crate) fn source_attribute(source: &Source, stored_at: Timestamp) -> Value {
    let version = &source.version;
    json!({"M": {
        "bucket": {"S": version.bucket},
        "key": {"S": version.key},
        "version_id": {"S": version.version_id},
        "sha256": {"S": source.sha256.as_deref().unwrap_or_default()},
        "size": {"N": source.size.unwrap_or_default().to_string()},
        "stored_at": {"S": stored_at.to_string()},
    }})
}

/// The object version that an item was stored from; `None` for an item that this function did not store.
#[must_use]
pub fn source_of(item: &Map<String, Value>) -> Option<Source> {
    let attributes = item.get(SOURCE_ATTRIBUTE)?.get("M")?;
    let text = |name: &str, tag: &str| Some(attributes.get(name)?.get(tag)?.as_str()?.to_owned());
    let version =
        ObjectVersion { bucket: text("bucket", "S")?, key: text("key", "S")?, version_id: text("version_id", "S")? };
    Some(Source {
        size: text("size", "N").and_then(|size| size.parse().ok()),
        sha256: text("sha256", "S"),
        ..Source::from(version)
    })
}
