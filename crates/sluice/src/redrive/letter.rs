//! A dead letter: what it is about, why it is there, and whether it is sent back.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use lambda_support::envelope::{self, Envelope};
use lambda_support::log::escape;
use serde_json::{Value, json};

use crate::queue::name;
use crate::report::Report;
use crate::time::{age, now};

/// A dead letter, as far as an operator wants to know.
#[derive(Debug, PartialEq, Eq)]
pub struct Letter {
    /// The objects it is about, bucket and key; empty if it is no event.
    pub objects: Vec<(String, String)>,
    /// Why it is here, if its queue says.
    pub why: String,
    /// Whether the function could read it.
    pub readable: bool,
}

impl Letter {
    /// Reads a message by its body and its attributes.
    pub fn read(body: &str, attribute: impl Fn(&str) -> Option<String>) -> Self {
        let told = ["ERROR_CODE", "ERROR_MESSAGE"].into_iter().filter_map(attribute);
        let told = told.collect::<Vec<_>>().join(": ");
        match envelope::decode(body) {
            Ok(Envelope::Arrivals(arrivals)) => {
                Self { objects: arrivals.into_iter().map(|a| (a.bucket, a.key)).collect(), why: told, readable: true }
            }
            Ok(Envelope::Nothing(what)) => Self { objects: Vec::new(), why: what.into(), readable: true },
            Err(error) => Self { objects: Vec::new(), why: error.to_string(), readable: false },
        }
    }

    /// Whether it is to be sent: it is about keys that begin with `prefix`, and readable unless that is not asked for.
    pub fn chosen(&self, prefix: Option<&str>, unreadable: bool) -> bool {
        (self.readable || unreadable) && self.about(prefix)
    }

    /// Whether it is about the keys that were asked for.
    pub fn about(&self, prefix: Option<&str>) -> bool {
        let about = |prefix: &str| self.objects.iter().any(|(_, k)| k.starts_with(prefix));
        prefix.is_none_or(about)
    }

    /// The objects for people: in the bucket that is `usual` for the queue, the key alone.
    pub fn shown(&self, usual: &str) -> String {
        let one = |(bucket, key): &(String, String)| match bucket == usual {
            true => escape(key),
            false => format!("s3://{}/{}", escape(bucket), escape(key)),
        };
        let objects: Vec<String> = self.objects.iter().map(one).collect();
        if objects.is_empty() {
            return "(no object)".to_owned();
        }
        objects.join(", ")
    }
}

/// Shows one letter of the queue at a URL; `usual` is the bucket whose events go through it.
pub fn show(url: &str, usual: &str, message: &Message, letter: &Letter, result: &str, report: &Report) {
    let seconds = now() - sent_at(message);
    let about = letter.shown(usual);
    let keys: Vec<&String> = letter.objects.iter().map(|(_, key)| key).collect();
    let objects = letter.objects.iter();
    let objects: Vec<Value> = objects.map(|(b, k)| json!({"bucket": b, "key": k})).collect();
    let why = if letter.why.is_empty() { String::new() } else { format!("  {}", escape(&letter.why)) };
    report.line(
        format_args!("{}  {about}  {}  {result}{why}", escape(name(url)), age(seconds)),
        &json!({
            "queue": name(url), "message_id": message.message_id(), "keys": keys, "objects": objects,
            "age_s": seconds, "why": letter.why, "readable": letter.readable, "result": result,
        }),
    );
}

/// Reads a message.
pub fn read(message: &Message) -> Letter {
    let attribute = |name: &str| {
        let value = message.message_attributes()?.get(name)?;
        value.string_value().map(str::to_owned)
    };
    Letter::read(message.body().unwrap_or_default(), attribute)
}

fn sent_at(message: &Message) -> i64 {
    let text = message.attributes().and_then(|a| a.get(&MessageSystemAttributeName::SentTimestamp));
    text.and_then(|t| t.parse::<i64>().ok()).map_or_else(now, |ms| ms / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_printed, harmless};

    const EVENT: &str = r#"{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": "albums/a b.json"}}}"#;

    #[test]
    fn a_letter_says_what_it_is_about_and_why_it_is_here() {
        let letter = Letter::read(EVENT, |name| (name == "ERROR_CODE").then(|| "NO_PERMISSIONS".into()));
        assert_eq!(
            letter,
            Letter {
                objects: vec![("b".into(), "albums/a b.json".into())],
                why: "NO_PERMISSIONS".into(),
                readable: true
            }
        );
        assert!(!Letter::read("{", |_| None).readable);
        assert_eq!(letter.shown("b"), "albums/a b.json");
        assert_eq!(letter.shown("other"), "s3://b/albums/a b.json");
    }

    #[test]
    fn letters_are_chosen_by_key_and_by_being_readable() {
        let (event, junk) = (Letter::read(EVENT, |_| None), Letter::read("{", |_| None));
        assert!(event.chosen(None, false) && event.chosen(Some("albums/"), false));
        assert!(!event.chosen(Some("other/"), false));
        assert!(!junk.chosen(None, false) && junk.chosen(None, true));
    }

    #[test]
    fn a_letter_is_harmless() {
        let letter = Letter { objects: vec![(HOSTILE.into(), HOSTILE.into())], why: HOSTILE.into(), readable: true };
        let message = Message::builder().message_id(HOSTILE).build();
        let url = format!("https://q/{HOSTILE}");
        harmless(1, |report| {
            show(&url, "b", &message, &letter, "left", report);
        });
    }

    #[test]
    fn text_and_json_of_a_letter() {
        let message = Message::builder().message_id("m").build();
        let denied = |name: &str| (name == "ERROR_CODE").then(|| "NO_PERMISSIONS".to_owned());
        let letters = [
            Letter::read(EVENT, denied),
            Letter::read("{", |_| None),
            Letter::read(r#"{"Event": "s3:TestEvent", "Service": "Amazon S3"}"#, |_| None),
        ];
        assert_printed("redrive-letter", |report| {
            for letter in &letters {
                for (usual, result) in [("b", "to send"), ("other", "left"), ("b", "sent")] {
                    show("https://sqs/1/queue", usual, &message, letter, result, report);
                }
            }
        });
    }
}
