//! Decodes the events that announce new object versions.
//!
//! Two kinds of event announce an object, and they differ in how they write its key: S3 notifications have it
//! form-encoded (`a+b%2B.json`), EventBridge events have it unchanged. The decoder is chosen by the kind of event, never
//! by the key.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

/// A new object version, as an event announces it. Everything but bucket and key may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// Bucket name.
    pub bucket: String,
    /// Key, decoded.
    pub key: String,
    /// Version-id; absent for an unversioned bucket, and from some senders.
    pub version_id: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// ETag without quotes.
    pub etag: Option<String>,
    /// Orders the events of one key; hexadecimal.
    pub sequencer: Option<String>,
    /// The time of the event, RFC 3339, as the event has it.
    pub time: Option<String>,
    /// The id of the S3 request that created the version.
    pub request_id: Option<String>,
}

/// What an event contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// The object versions that were created, in the order of the event.
    Arrivals(Vec<Arrival>),
    /// An event that needs no action, and why: S3's test event, or an event about something else.
    Ignored(&'static str),
}

/// Why an event could not be decoded. Such a message becomes a dead letter; it is never dropped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Not JSON, or not an object.
    #[error("the message is not a JSON object: {0}")]
    NotJson(String),
    /// JSON that is not a known kind of event.
    #[error("the message is neither an EventBridge event nor an S3 notification")]
    Unknown,
    /// A known kind of event with a field that is missing or has the wrong type.
    #[error("the {envelope} is malformed: {reason}")]
    Malformed {
        /// The kind of event.
        envelope: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Decodes an event from its JSON text.
///
/// # Errors
/// When the text is not JSON or not a known kind of event.
pub fn decode(text: &str) -> Result<Envelope, DecodeError> {
    let value = serde_json::from_str(text).map_err(|e| DecodeError::NotJson(e.to_string()))?;
    decode_value(value)
}

/// Decodes an event from its JSON value.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_value(value: Value) -> Result<Envelope, DecodeError> {
    let Some(object) = value.as_object() else {
        return Err(DecodeError::NotJson("it is not an object".into()));
    };
    if object.contains_key("detail-type") {
        event_bridge(value)
    } else if object.contains_key("Records") {
        notification(value)
    } else if object.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        Ok(Envelope::Ignored("s3:TestEvent"))
    } else {
        Err(DecodeError::Unknown)
    }
}

#[derive(Deserialize)]
struct EventBridgeEvent {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Option<String>,
    #[serde(default)]
    detail: Value,
}

#[derive(Deserialize)]
struct EventBridgeDetail {
    bucket: Bucket,
    object: Object,
    #[serde(rename = "request-id")]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

/// The object in either kind of event; the aliases are the names of S3 notifications.
#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(alias = "versionId", rename = "version-id")]
    version_id: Option<String>,
    size: Option<u64>,
    #[serde(alias = "eTag")]
    etag: Option<String>,
    sequencer: Option<String>,
}

fn event_bridge(value: Value) -> Result<Envelope, DecodeError> {
    let malformed =
        |e: serde_json::Error| DecodeError::Malformed { envelope: "EventBridge event", reason: e.to_string() };
    let event: EventBridgeEvent = serde_json::from_value(value).map_err(malformed)?;
    if event.source != "aws.s3" || event.detail_type != "Object Created" {
        return Ok(Envelope::Ignored("not an S3 `Object Created` event"));
    }
    let detail: EventBridgeDetail = serde_json::from_value(event.detail).map_err(malformed)?;
    let arrival = arrival(detail.bucket, detail.object, event.time, detail.request_id);
    Ok(Envelope::Arrivals(vec![arrival]))
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<NotificationRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotificationRecord {
    #[serde(default)]
    event_source: String,
    #[serde(default)]
    event_name: String,
    event_time: Option<String>,
    s3: Option<NotificationEntity>,
    #[serde(default)]
    response_elements: Option<Value>,
}

#[derive(Deserialize)]
struct NotificationEntity {
    bucket: Bucket,
    object: Object,
}

fn notification(value: Value) -> Result<Envelope, DecodeError> {
    let malformed = |reason: String| DecodeError::Malformed { envelope: "S3 notification", reason };
    let notification: Notification = serde_json::from_value(value).map_err(|e| malformed(e.to_string()))?;
    let mut arrivals = Vec::with_capacity(notification.records.len());
    for record in notification.records {
        if record.event_source != "aws:s3" {
            return Err(malformed(format!("a record of `{}`, not of `aws:s3`", record.event_source)));
        }
        if !record.event_name.starts_with("ObjectCreated:") {
            continue;
        }
        let Some(mut entity) = record.s3 else {
            return Err(malformed("a record without `s3`".into()));
        };
        entity.object.key =
            form_decode(&entity.object.key).ok_or_else(|| malformed("a key that is not UTF-8 once decoded".into()))?;
        let request_id = record
            .response_elements
            .as_ref()
            .and_then(|e| e.get("x-amz-request-id"))
            .and_then(Value::as_str)
            .map(str::to_owned);
        arrivals.push(arrival(entity.bucket, entity.object, record.event_time, request_id));
    }
    if arrivals.is_empty() {
        return Ok(Envelope::Ignored("no `ObjectCreated` record"));
    }
    Ok(Envelope::Arrivals(arrivals))
}

fn arrival(bucket: Bucket, object: Object, time: Option<String>, request_id: Option<String>) -> Arrival {
    let filled = |text: Option<String>| text.filter(|t| !t.is_empty());
    Arrival {
        bucket: bucket.name,
        key: object.key,
        version_id: filled(object.version_id),
        size: object.size,
        etag: filled(object.etag.map(|e| e.trim_matches('"').to_owned())),
        sequencer: filled(object.sequencer),
        time: filled(time),
        request_id: filled(request_id),
    }
}

/// Decodes S3's form encoding: `+` is a space, `%2B` is `+`. `None` if the result is not UTF-8.
fn form_decode(key: &str) -> Option<String> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
