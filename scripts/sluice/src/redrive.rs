//! `redrive`: dead letters go back to the queue they came from. A letter is deleted only after the queue has taken it again,
//! so a run that is cut off at worst sends one twice, which the functions do not mind.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use kit::envelope::{self, Envelope};
use kit::log::escape;
use serde_json::json;

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::{Lane, System};
use crate::queue::{Queues, name};
use crate::report::{Ended, Report};
use crate::time::{age, now};

/// How long letters are taken for, in seconds: to look at them all, and to send ten on.
const LOOKED_AT: i32 = 300;
const SENT_ON: i32 = 30;

/// Sends dead letters back to the queue; without --yes only shows them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice redrive
  sluice redrive --queue messages --key-prefix albums/ --yes

First mend what made them dead letters. Each is deleted after the queue has taken it again, so nothing is lost if this
is cut off; run it again.
Exit code: 0 all shown or sent, 1 some are left.")]
pub struct Redrive {
    /// Send what was chosen; without it, only show
    #[arg(long)]
    yes: bool,
    /// Whose dead letters; default: the ingest's, if it is on
    #[arg(long, value_enum)]
    system: Option<System>,
    /// Which dead letters
    #[arg(long, value_enum, default_value_t = Which::All)]
    queue: Which,
    /// Only letters about keys that begin with PREFIX
    #[arg(long, value_name = "PREFIX")]
    key_prefix: Option<String>,
    /// Also send what is no event that the function could read
    #[arg(long)]
    unreadable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// Both queues
    All,
    /// What EventBridge could not deliver
    Events,
    /// What the function could not end
    Messages,
}

impl Which {
    fn urls(self, lane: Lane<'_>) -> Vec<&str> {
        let (events, messages) = (lane.events_url, lane.messages_url);
        match self {
            Self::All => vec![events, messages],
            Self::Events => vec![events],
            Self::Messages => vec![messages],
        }
    }
}

/// A dead letter, as far as an operator wants to know.
#[derive(Debug, PartialEq, Eq)]
struct Letter {
    /// The keys it is about; empty if it is no event.
    keys: Vec<String>,
    /// Why it is here, if its queue says.
    why: String,
    /// Whether the function could read it.
    readable: bool,
}

impl Letter {
    fn read(body: &str, attribute: impl Fn(&str) -> Option<String>) -> Self {
        let told = ["ERROR_CODE", "ERROR_MESSAGE"]
            .into_iter()
            .filter_map(attribute);
        let told = told.collect::<Vec<_>>().join(": ");
        match envelope::decode(body) {
            Ok(Envelope::Arrivals(arrivals)) => Self {
                keys: arrivals.into_iter().map(|a| a.key).collect(),
                why: told,
                readable: true,
            },
            Ok(Envelope::Nothing(what)) => Self {
                keys: Vec::new(),
                why: what.into(),
                readable: true,
            },
            Err(error) => Self {
                keys: Vec::new(),
                why: error.to_string(),
                readable: false,
            },
        }
    }

    fn chosen(&self, args: &Redrive) -> bool {
        let about = |prefix: &String| self.keys.iter().any(|k| k.starts_with(prefix));
        (self.readable || args.unreadable) && args.key_prefix.as_ref().is_none_or(about)
    }
}

#[derive(Default)]
struct Counts {
    sent: u64,
    chosen: u64,
    left: u64,
}

/// Runs the command.
///
/// # Errors
/// When a queue cannot be read.
pub async fn run(shared: &Shared, args: &Redrive, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let system = args.system.unwrap_or(outputs.usual());
    let lane = outputs.lane(system)?;
    let config = session(&outputs, system, shared.role(Role::Operator)).await?;
    let queues = Queues::new(&config);
    let mut counts = Counts::default();
    for url in args.queue.urls(lane) {
        let drive = Drive {
            queues: &queues,
            from: url,
            to: lane.queue_url,
            args,
        };
        drive.all(report, &mut counts).await?;
    }
    let json = json!({"chosen": counts.chosen, "sent": counts.sent, "left": counts.left});
    if args.yes {
        report.line(
            format_args!(
                "{} sent to {}, {} left",
                counts.sent,
                name(lane.queue_url),
                counts.left
            ),
            &json,
        );
        return Ok(Ended::when(counts.left == 0));
    }
    let hint = if counts.chosen > 0 {
        "; --yes sends them"
    } else {
        ""
    };
    report.line(
        format_args!("{} to send, {} to leave{hint}", counts.chosen, counts.left),
        &json,
    );
    Ok(Ended::Done)
}

/// One dead-letter queue being emptied.
struct Drive<'a> {
    queues: &'a Queues,
    from: &'a str,
    to: &'a str,
    args: &'a Redrive,
}

impl Drive<'_> {
    /// Every letter is looked at once. Those that stay are given back at the end, so that they do not come again
    /// before; what was taken when this is cut off is seen again after a while.
    async fn all(&self, report: &Report, counts: &mut Counts) -> anyhow::Result<()> {
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        let mut empty = 0;
        let seconds = if self.args.yes { SENT_ON } else { LOOKED_AT };
        while empty < 2 {
            let messages = self.queues.take(self.from, seconds).await?;
            empty = if messages.is_empty() { empty + 1 } else { 0 };
            let mut chosen = Vec::new();
            for message in messages {
                let letter = read(&message);
                let id = message.message_id().unwrap_or_default().to_owned();
                let handle = message.receipt_handle().unwrap_or_default().to_owned();
                let choose = letter.chosen(self.args);
                if choose && self.args.yes {
                    chosen.push((message, letter));
                } else if kept.insert(id, handle).is_none() {
                    counts.chosen += u64::from(choose);
                    counts.left += u64::from(!choose);
                    self.tell(
                        report,
                        &message,
                        &letter,
                        if choose { "to send" } else { "left" },
                    );
                }
            }
            self.send(chosen, report, counts).await?;
        }
        for handle in kept.values() {
            self.queues.give_back(self.from, handle).await?;
        }
        Ok(())
    }

    /// Sends, then deletes what was taken: never the other way round.
    async fn send(
        &self,
        chosen: Vec<(Message, Letter)>,
        report: &Report,
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        if chosen.is_empty() {
            return Ok(());
        }
        let bodies: Vec<&str> = chosen
            .iter()
            .map(|(m, _)| m.body().unwrap_or_default())
            .collect();
        let sent = self.queues.send(self.to, &bodies).await?;
        let done: Vec<&(Message, Letter)> =
            sent.iter().filter_map(|&place| chosen.get(place)).collect();
        let handles: Vec<&str> = done
            .iter()
            .filter_map(|(m, _)| m.receipt_handle())
            .collect();
        self.queues.delete(self.from, &handles).await?;
        counts.chosen += chosen.len() as u64;
        counts.sent += done.len() as u64;
        counts.left += (chosen.len() - done.len()) as u64;
        for (message, letter) in done {
            self.tell(report, message, letter, "sent");
        }
        Ok(())
    }

    fn tell(&self, report: &Report, message: &Message, letter: &Letter, result: &str) {
        let seconds = now() - sent_at(message);
        let keys: Vec<String> = letter.keys.iter().map(|k| escape(k)).collect();
        let about = if keys.is_empty() {
            "(no object)".into()
        } else {
            keys.join(", ")
        };
        let why = if letter.why.is_empty() {
            String::new()
        } else {
            format!("  {}", escape(&letter.why))
        };
        report.line(
            format_args!(
                "{}  {about}  {}  {result}{why}",
                name(self.from),
                age(seconds)
            ),
            &json!({
                "queue": name(self.from), "message_id": message.message_id(), "keys": letter.keys,
                "age_s": seconds, "why": letter.why, "readable": letter.readable, "result": result,
            }),
        );
    }
}

fn read(message: &Message) -> Letter {
    let attribute = |name: &str| {
        let value = message.message_attributes()?.get(name)?;
        value.string_value().map(str::to_owned)
    };
    Letter::read(message.body().unwrap_or_default(), attribute)
}

fn sent_at(message: &Message) -> i64 {
    let text = message
        .attributes()
        .and_then(|a| a.get(&MessageSystemAttributeName::SentTimestamp));
    text.and_then(|t| t.parse::<i64>().ok())
        .map_or_else(now, |ms| ms / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": "albums/a b.json"}}}"#;

    fn args(prefix: Option<&str>, unreadable: bool) -> Redrive {
        Redrive {
            yes: false,
            system: None,
            queue: Which::All,
            key_prefix: prefix.map(Into::into),
            unreadable,
        }
    }

    #[test]
    fn a_letter_says_what_it_is_about_and_why_it_is_here() {
        let letter = Letter::read(EVENT, |name| {
            (name == "ERROR_CODE").then(|| "NO_PERMISSIONS".into())
        });
        assert_eq!(
            letter,
            Letter {
                keys: vec!["albums/a b.json".into()],
                why: "NO_PERMISSIONS".into(),
                readable: true
            }
        );
        assert!(!Letter::read("{", |_| None).readable);
    }

    #[test]
    fn letters_are_chosen_by_key_and_by_being_readable() {
        let (event, junk) = (Letter::read(EVENT, |_| None), Letter::read("{", |_| None));
        assert!(event.chosen(&args(None, false)) && event.chosen(&args(Some("albums/"), false)));
        assert!(!event.chosen(&args(Some("other/"), false)));
        assert!(!junk.chosen(&args(None, false)) && junk.chosen(&args(None, true)));
    }

    #[test]
    fn both_queues_unless_one_is_named() {
        let outputs = crate::outputs::tests::outputs();
        let lane = outputs.lane(System::Ingest).unwrap();
        assert_eq!(Which::All.urls(lane), ["e", "d"]);
        assert_eq!(Which::Events.urls(lane), ["e"]);
        let lane = outputs.lane(System::Provenance).unwrap();
        assert_eq!(Which::Messages.urls(lane), ["pd"]);
    }
}
