//! The outcome that the function will give a version that has none yet.

use ingest::{item, json};
use lambda_support::log::escape;
use serde_json::Value;

/// The expected outcome, according to the version's bytes and the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Neither an item nor a reason record exists: it will be validated like a new file.
    Validation,
    /// It is not a valid item; the cause.
    Invalid(String),
    /// The item under its table key has different content.
    Conflict,
}

impl Expected {
    /// The name of the outcome, if it is known.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Validation => None,
            Self::Invalid(_) => Some("invalid"),
            Self::Conflict => Some("conflict"),
        }
    }

    /// A description on one line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Validation => "neither an item nor a reason record exists".to_owned(),
            Self::Invalid(why) => format!("invalid, not yet in quarantine: {why}"),
            Self::Conflict => {
                "conflict, not yet in quarantine: the item under its table key has different content".to_owned()
            }
        }
    }
}

/// The attributes of the table key in an object, as names and values.
///
/// # Errors
/// Why the object has no valid table key, which makes it invalid.
pub(super) fn table_key(bytes: &[u8], hash: &str, range: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let attributes = json::parse(bytes).map_err(|problem| escape(&problem.message))?;
    let Some(key) = item::table_key(&attributes, hash, range) else {
        let names: Vec<String> = [Some(hash), range].into_iter().flatten().map(escape).collect();
        return Err(format!(
            "the table key (`{}`) is missing, empty, not a string or larger than DynamoDB allows",
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
    fn an_object_without_a_table_key_is_invalid() {
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
    fn a_table_key_above_dynamodbs_limits_is_invalid() {
        let of = |hash: usize, range: usize| {
            let item = serde_json::json!({
                "ArtistID": {"S": "a".repeat(hash)}, "ItemID": {"S": "i".repeat(range)},
            });
            table_key(item.to_string().as_bytes(), "ArtistID", Some("ItemID"))
        };
        assert!(of(2048, 1024).is_ok());
        for refused in [of(2049, 1), of(1, 1025)] {
            assert!(refused.unwrap_err().contains("larger than DynamoDB allows"));
        }
    }
}
