//! Between DynamoDB JSON and the SDK's attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_support::Fault;
use serde_json::{Map, Value};

/// DynamoDB JSON that was judged, as the SDK's types.
pub fn attributes(map: &Map<String, Value>) -> Result<HashMap<String, AttributeValue>, Fault> {
    let convert = |(name, value): (&String, &Value)| Some((name.clone(), attribute(value)?));
    let converted: Option<_> = map.iter().map(convert).collect();
    converted.ok_or_else(|| Fault::new("PutItem", "an item that was not judged"))
}

fn attribute(value: &Value) -> Option<AttributeValue> {
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
        "L" => AttributeValue::L(inner.as_array()?.iter().map(attribute).collect::<Option<_>>()?),
        "M" => AttributeValue::M(attributes(inner.as_object()?).ok()?),
        _ => return None,
    })
}

/// The strings, numbers and maps of an item, which is all that `_source` has.
pub fn plain(item: &HashMap<String, AttributeValue>) -> Map<String, Value> {
    let convert = |(name, value): (&String, &AttributeValue)| {
        let (tag, inner) = match value {
            AttributeValue::S(text) => ("S", Value::from(text.as_str())),
            AttributeValue::N(text) => ("N", Value::from(text.as_str())),
            AttributeValue::M(map) => ("M", Value::Object(plain(map))),
            _ => return None,
        };
        let tagged = Map::from_iter([(tag.to_owned(), inner)]);
        Some((name.clone(), Value::Object(tagged)))
    };
    item.iter().filter_map(convert).collect()
}
