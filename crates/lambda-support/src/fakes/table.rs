use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A DynamoDB table whose items are DynamoDB JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Table {
    key_names: Vec<String>,
    items: BTreeMap<Vec<String>, String>,
}

impl Table {
    /// A table with these key attributes (partition key, then sort key if there is one).
    #[must_use]
    pub fn new(key_names: &[&str]) -> Self {
        Self { key_names: key_names.iter().map(|&n| n.to_owned()).collect(), items: BTreeMap::new() }
    }

    fn key_of(&self, item: &Map<String, Value>) -> Vec<String> {
        let text = |name: &String| item.get(name).map(Value::to_string).unwrap_or_default();
        self.key_names.iter().map(text).collect()
    }

    /// `PutItem` with `attribute_not_exists` on the key and `ReturnValuesOnConditionCheckFailure=ALL_OLD`.
    ///
    /// # Errors
    /// The item that already has this key.
    pub fn put_new(&mut self, item: &Map<String, Value>) -> Result<(), Map<String, Value>> {
        let key = self.key_of(item);
        if let Some(old) = self.items.get(&key) {
            return Err(serde_json::from_str(old).unwrap_or_default());
        }
        self.items.insert(key, Value::Object(item.clone()).to_string());
        Ok(())
    }

    /// `GetItem`.
    #[must_use]
    pub fn get(&self, key: &Map<String, Value>) -> Option<Map<String, Value>> {
        let text = self.items.get(&self.key_of(key))?;
        serde_json::from_str(text).ok()
    }

    /// Every item.
    pub fn items(&self) -> impl Iterator<Item = Map<String, Value>> {
        self.items.values().filter_map(|text| serde_json::from_str(text).ok())
    }
}
