//! Conversion between DynamoDB JSON and the SDK's attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_support::Fault;
use serde_json::{Map, Value};

/// Converts a valid item or table key to the SDK's types.
///
/// # Errors
/// When it is not valid DynamoDB JSON.
pub fn to_attribute_values(map: &Map<String, Value>) -> Result<HashMap<String, AttributeValue>, Fault> {
    let convert = |(name, value): (&String, &Value)| Some((name.clone(), to_attribute_value(value)?));
    let converted: Option<_> = map.iter().map(convert).collect();
    converted.ok_or_else(|| Fault::new("PutItem", "the item is not valid DynamoDB JSON"))
}

fn to_attribute_value(value: &Value) -> Option<AttributeValue> {
    let (tag, inner) = value.as_object()?.iter().next()?;
    let binary = |text: &str| BASE64_STANDARD.decode(text).ok().map(Blob::new);
    let strings = || {
        let members = inner.as_array()?.iter();
        members.map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    Some(match tag.as_str() {
        "S" => AttributeValue::S(inner.as_str()?.to_owned()),
        "N" => AttributeValue::N(inner.as_str()?.to_owned()),
        "B" => AttributeValue::B(binary(inner.as_str()?)?),
        "BOOL" => AttributeValue::Bool(inner.as_bool()?),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(strings()?),
        "NS" => AttributeValue::Ns(strings()?),
        "BS" => AttributeValue::Bs(strings()?.iter().map(|t| binary(t)).collect::<Option<_>>()?),
        "L" => AttributeValue::L(inner.as_array()?.iter().map(to_attribute_value).collect::<Option<_>>()?),
        "M" => AttributeValue::M(to_attribute_values(inner.as_object()?).ok()?),
        _ => return None,
    })
}

/// Converts the strings, numbers and maps of an item to DynamoDB JSON and omits all other types; `_source` has no others.
#[must_use]
pub fn from_attribute_values(item: &HashMap<String, AttributeValue>) -> Map<String, Value> {
    let convert = |(name, value): (&String, &AttributeValue)| {
        let (tag, inner) = match value {
            AttributeValue::S(text) => ("S", Value::from(text.as_str())),
            AttributeValue::N(text) => ("N", Value::from(text.as_str())),
            AttributeValue::M(map) => ("M", Value::Object(from_attribute_values(map))),
            _ => return None,
        };
        let tagged = Map::from_iter([(tag.to_owned(), inner)]);
        Some((name.clone(), Value::Object(tagged)))
    };
    item.iter().filter_map(convert).collect()
}
