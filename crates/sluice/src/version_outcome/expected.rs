//! What will become of a version that has no outcome yet.

use ingest::{item, json};
use lambda_support::log::escape;
use serde_json::Value;

/// What the function will do with a version that has no outcome, as far as bytes and table say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// There is neither an item nor a reason record: it is judged like a new file.
    Judgement,
    /// It cannot be an item; why.
    Invalid(String),
    /// The item under its table key has other content.
    Conflict,
}

impl Expected {
    /// The outcome by its name, if it is known.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Judgement => None,
            Self::Invalid(_) => Some("invalid"),
            Self::Conflict => Some("conflict"),
        }
    }

    /// In words, one line.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Judgement => "neither an item nor a reason record exists".to_owned(),
            Self::Invalid(why) => format!("invalid, not yet in quarantine: {why}"),
            Self::Conflict => {
                "conflict, not yet in quarantine: the item under its table key has other content".to_owned()
            }
        }
    }
}

/// The item's key in an object, by attribute.
///
/// # Errors
/// Why it has none that the table can have, which makes the object invalid.
pub fn table_key(bytes: &[u8], hash: &str, range: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let attributes = json::parse(bytes).map_err(|problem| escape(&problem.message))?;
    let Some(key) = item::table_key(&attributes, hash, range) else {
        let names: Vec<String> = [Some(hash), range].into_iter().flatten().map(escape).collect();
        return Err(format!(
            "the table's key (`{}`) is missing, not a string, empty or larger than DynamoDB takes",
            names.join("`, `")
        ));
    };
    let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
    Ok(key.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_a_table_key_or_is_invalid() {
        let bytes = br#"{"ArtistID": {"S": "a"}, "ItemID": {"S": "i"}}"#;
        let key = table_key(bytes, "ArtistID", Some("ItemID")).unwrap();
        let expected = [("ArtistID", "a"), ("ItemID", "i")];
        assert_eq!(key, expected.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec());
        assert_eq!(table_key(bytes, "ArtistID", None).unwrap().len(), 1);
        for bad in [&b"{"[..], b"[]", br#"{"ArtistID": {"N": "1"}}"#, br#"{"ArtistID": {"S": ""}}"#] {
            assert!(table_key(bad, "ArtistID", None).is_err());
        }
    }

    #[test]
    fn a_table_key_that_dynamodb_refuses_is_not_asked_for() {
        let of = |hash: usize, range: usize| {
            let item = serde_json::json!({
                "ArtistID": {"S": "a".repeat(hash)}, "ItemID": {"S": "i".repeat(range)},
            });
            table_key(item.to_string().as_bytes(), "ArtistID", Some("ItemID"))
        };
        assert!(of(2048, 1024).is_ok());
        for refused in [of(2049, 1), of(1, 1025)] {
            assert!(refused.unwrap_err().contains("larger than DynamoDB takes"));
        }
    }
}
