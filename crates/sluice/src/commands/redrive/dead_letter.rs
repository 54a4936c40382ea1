//! A message in a dead-letter queue: the objects it is about, and why it is there.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use lambda_support::envelope::{self, Envelope};
use lambda_support::log::escape;
use serde_json::{Value, json};

use crate::aws::sqs::queue_name;
use crate::report::Report;
use crate::time::{format_age, now};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct DeadLetter {
    /// Buckets and keys; empty if the message is not an event.
    objects: Vec<(String, String)>,
    /// Why it is here, if the message says.
    why: String,
    /// Whether the function can read it.
    is_readable: bool,
}

impl DeadLetter {
    pub(super) fn from_message(message: &Message) -> Self {
        let attribute = |name: &str| {
            let value = message.message_attributes()?.get(name)?;
            value.string_value().map(str::to_owned)
        };
        Self::parse(message.body().unwrap_or_default(), attribute)
    }

    fn parse(body: &str, attribute: impl Fn(&str) -> Option<String>) -> Self {
        let error = ["ERROR_CODE", "ERROR_MESSAGE"].into_iter().filter_map(attribute).collect::<Vec<_>>().join(": ");
        match envelope::decode(body) {
            Ok(Envelope::Arrivals(arrivals)) => Self {
                objects: arrivals.into_iter().map(|a| (a.bucket, a.key)).collect(),
                why: error,
                is_readable: true,
            },
            Ok(Envelope::Ignored(what)) => Self { objects: Vec::new(), why: what.into(), is_readable: true },
            Err(error) => Self { objects: Vec::new(), why: error.to_string(), is_readable: false },
        }
    }

    /// Whether to send it: it is about keys that begin with `prefix`, and readable or `unreadable` is set.
    pub(super) fn is_selected(&self, prefix: Option<&str>, unreadable: bool) -> bool {
        (self.is_readable || unreadable) && self.is_about(prefix)
    }

    /// Whether it is about a key that begins with `prefix`; without a prefix, always.
    pub(super) fn is_about(&self, prefix: Option<&str>) -> bool {
        prefix.is_none_or(|prefix| self.objects.iter().any(|(_, key)| key.starts_with(prefix)))
    }

    /// The objects as text. Objects of `source_bucket` are shown by key alone.
    fn objects_text(&self, source_bucket: &str) -> String {
        let object_text = |(bucket, key): &(String, String)| match bucket == source_bucket {
            true => escape(key),
            false => format!("s3://{}/{}", escape(bucket), escape(key)),
        };
        if self.objects.is_empty() {
            return "(no object)".to_owned();
        }
        self.objects.iter().map(object_text).collect::<Vec<_>>().join(", ")
    }

    /// Prints the message of the queue at `url` and what became of it.
    pub(super) fn print(&self, url: &str, source_bucket: &str, message: &Message, result: &str, report: &Report) {
        let now = now();
        let age = now - sent_at(message).unwrap_or(now);
        let objects_text = self.objects_text(source_bucket);
        let keys: Vec<&String> = self.objects.iter().map(|(_, key)| key).collect();
        let objects: Vec<Value> = self.objects.iter().map(|(b, k)| json!({"bucket": b, "key": k})).collect();
        let why = if self.why.is_empty() { String::new() } else { format!("  {}", escape(&self.why)) };
        report.line(
            format_args!("{}  {objects_text}  {}  {result}{why}", escape(queue_name(url)), format_age(age)),
            &json!({
                "queue": queue_name(url), "message_id": message.message_id(), "keys": keys, "objects": objects,
                "age_s": age, "why": self.why, "readable": self.is_readable, "result": result,
            }),
        );
    }
}

/// When the message was sent, in seconds since 1970.
fn sent_at(message: &Message) -> Option<i64> {
    let milliseconds: i64 = message.attributes()?.get(&MessageSystemAttributeName::SentTimestamp)?.parse().ok()?;
    Some(milliseconds / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_escaped, assert_printed};

    const EVENT: &str = r#"{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": "albums/a b.json"}}}"#;

    #[test]
    fn a_dead_letter_has_objects_and_a_cause() {
        let dead_letter = DeadLetter::parse(EVENT, |name| (name == "ERROR_CODE").then(|| "NO_PERMISSIONS".into()));
        assert_eq!(
            dead_letter,
            DeadLetter {
                objects: vec![("b".into(), "albums/a b.json".into())],
                why: "NO_PERMISSIONS".into(),
                is_readable: true
            }
        );
        assert!(!DeadLetter::parse("{", |_| None).is_readable);
        assert_eq!(dead_letter.objects_text("b"), "albums/a b.json");
        assert_eq!(dead_letter.objects_text("other"), "s3://b/albums/a b.json");
    }

    #[test]
    fn dead_letters_are_selected_by_key_and_readability() {
        let (event, junk) = (DeadLetter::parse(EVENT, |_| None), DeadLetter::parse("{", |_| None));
        assert!(event.is_selected(None, false) && event.is_selected(Some("albums/"), false));
        assert!(!event.is_selected(Some("other/"), false));
        assert!(!junk.is_selected(None, false) && junk.is_selected(None, true));
    }

    #[test]
    fn untrusted_text_is_escaped() {
        let dead_letter =
            DeadLetter { objects: vec![(HOSTILE.into(), HOSTILE.into())], why: HOSTILE.into(), is_readable: true };
        let message = Message::builder().message_id(HOSTILE).build();
        let url = format!("https://q/{HOSTILE}");
        assert_escaped(1, |report| {
            dead_letter.print(&url, "b", &message, "left", report);
        });
    }

    #[test]
    fn text_and_json_of_a_dead_letter() {
        let message = Message::builder().message_id("m").build();
        let denied = |name: &str| (name == "ERROR_CODE").then(|| "NO_PERMISSIONS".to_owned());
        let dead_letters = [
            DeadLetter::parse(EVENT, denied),
            DeadLetter::parse("{", |_| None),
            DeadLetter::parse(r#"{"Event": "s3:TestEvent", "Service": "Amazon S3"}"#, |_| None),
        ];
        assert_printed("redrive-dead-letter", |report| {
            for dead_letter in &dead_letters {
                for (bucket, result) in [("b", "to send"), ("other", "left"), ("b", "sent")] {
                    dead_letter.print("https://sqs/1/queue", bucket, &message, result, report);
                }
            }
        });
    }
}
