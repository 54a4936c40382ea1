//! `redrive`: dead letters go back to the queue they came from. A letter is deleted only after the queue has taken it again,
//! so a run that is cut off at worst sends one twice, which the functions do not mind.

mod letter;

use std::cell::Cell;
use std::collections::BTreeMap;

use aws_sdk_sqs::types::Message;
use lambda_support::log::escape;
use serde_json::json;

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::operator_record::{Action, OperatorLog, Subject};
use crate::outputs::{Lane, System};
use crate::queue::{Queues, name};
use crate::report::{Ended, Report, message};
use letter::{Letter, show};

/// How long letters are taken for, in seconds: to look at them all, and to send ten on.
const LOOKED_AT: i32 = 300;
const SENT_ON: i32 = 30;

/// Sends dead letters back to the queue; without --yes only shows them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice redrive
  sluice redrive --queue messages --key-prefix albums/ --yes

First fix what made them dead letters. Each is deleted after the queue has taken it again, so nothing is lost if this
is cut off; run it again.
Exit code: 0 all shown or sent, or --key-prefix matches nothing; 1 some are left or a queue could not be read; 2 nothing
could be read.")]
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
    /// Why, for the operator record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
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

#[derive(Default)]
struct Counts {
    sent: u64,
    chosen: u64,
    /// Left because they are about other keys.
    other: u64,
    /// Left because the function could not read them.
    unreadable: u64,
    /// Chosen, and not taken by the queue.
    failed: u64,
}

impl Counts {
    fn left(&self) -> u64 {
        self.other + self.unreadable + self.failed
    }

    /// Why letters are left, in brackets; empty if none is.
    fn why_left(&self) -> String {
        let parts = [
            (self.other, "about other keys"),
            (self.unreadable, "unreadable, --unreadable sends them too"),
            (self.failed, "not taken by the queue, run it again"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
        if parts.is_empty() {
            return String::new();
        }
        format!(" ({})", parts.join("; "))
    }

    fn text(&self, args: &Redrive, queue: &str) -> String {
        let (left, why, queue) = (self.left(), self.why_left(), escape(queue));
        match (&args.key_prefix, self.chosen) {
            (Some(prefix), 0) => format!(
                "no dead letter is about a key that begins with `{}`: nothing to send, {left} left{why}",
                escape(prefix)
            ),
            _ if args.yes => format!("{} sent to {queue}, {left} left{why}", self.sent),
            (_, 0) => format!("0 to send, {left} to leave{why}"),
            (_, chosen) => format!("{chosen} to send, {left} to leave{why}; --yes sends them"),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When no queue can be read.
pub async fn run(shared: &Shared, args: &Redrive, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let system = args.system.unwrap_or(outputs.usual());
    let lane = outputs.lane(system)?;
    let config = session(&outputs, system, shared.role(Role::Operator)).await?;
    let queues = Queues::new(&config);
    let log = match args.yes {
        true => Some(OperatorLog::open(&outputs, system, &config, args.reason.as_deref()).await?),
        false => None,
    };
    let (mut counts, mut errors) = (Counts::default(), Vec::new());
    let urls = args.queue.urls(lane);
    for url in &urls {
        let drive = Drive {
            queues: &queues,
            from: url,
            to: lane.queue_url,
            bucket: outputs.bucket(system)?,
            log: log.as_ref(),
            recorded: Cell::new(false),
            args,
        };
        if let Err(error) = drive.all(report, &mut counts).await {
            errors.push(error);
        }
    }
    if errors.len() == urls.len() && counts.chosen + counts.left() == 0 {
        return Err(errors.swap_remove(0));
    }
    for error in &errors {
        report.note(message(error));
    }
    report.line(
        counts.text(args, name(lane.queue_url)),
        &json!({"chosen": counts.chosen, "sent": counts.sent, "left": counts.left()}),
    );
    let nothing_chosen = args.key_prefix.is_some() && counts.chosen == 0;
    let whole = !args.yes || nothing_chosen || counts.left() == 0;
    Ok(Ended::when(whole && errors.is_empty()))
}

/// One dead-letter queue being emptied.
struct Drive<'a> {
    queues: &'a Queues,
    from: &'a str,
    to: &'a str,
    /// The bucket whose events go through the queue.
    bucket: &'a str,
    /// Where the run is recorded before it sends anything.
    log: Option<&'a OperatorLog>,
    recorded: Cell<bool>,
    args: &'a Redrive,
}

impl Drive<'_> {
    fn prefix(&self) -> Option<&str> {
        self.args.key_prefix.as_deref()
    }

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
                let letter = letter::read(&message);
                let id = message.message_id().unwrap_or_default().to_owned();
                let handle = message.receipt_handle().unwrap_or_default().to_owned();
                let choose = letter.chosen(self.prefix(), self.args.unreadable);
                if choose && self.args.yes {
                    chosen.push((message, letter));
                } else if kept.insert(id, handle).is_none() {
                    counts.chosen += u64::from(choose);
                    let other = !choose && !letter.about(self.prefix());
                    counts.other += u64::from(other);
                    counts.unreadable += u64::from(!choose && !other);
                    let result = if choose { "to send" } else { "left" };
                    show(self.from, self.bucket, &message, &letter, result, report);
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
    async fn send(&self, chosen: Vec<(Message, Letter)>, report: &Report, counts: &mut Counts) -> anyhow::Result<()> {
        if chosen.is_empty() {
            return Ok(());
        }
        if let Some(log) = self.log.filter(|_| !self.recorded.get()) {
            let queue = Subject::Queue(name(self.from).to_owned());
            log.record(Action::Redrive, &queue).await?;
            self.recorded.set(true);
        }
        let bodies: Vec<&str> = chosen.iter().map(|(m, _)| m.body().unwrap_or_default()).collect();
        let sent = self.queues.send(self.to, &bodies).await?;
        report.mark_changed();
        let done: Vec<&(Message, Letter)> = sent.iter().filter_map(|&place| chosen.get(place)).collect();
        let handles: Vec<&str> = done.iter().filter_map(|(m, _)| m.receipt_handle()).collect();
        self.queues.delete(self.from, &handles).await?;
        counts.chosen += chosen.len() as u64;
        counts.sent += done.len() as u64;
        counts.failed += (chosen.len() - done.len()) as u64;
        for (message, letter) in done {
            show(self.from, self.bucket, message, letter, "sent", report);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(prefix: Option<&str>, unreadable: bool) -> Redrive {
        Redrive {
            yes: false,
            system: None,
            queue: Which::All,
            key_prefix: prefix.map(Into::into),
            unreadable,
            reason: None,
        }
    }

    #[test]
    fn what_is_left_is_told_with_its_reason() {
        let counts = Counts { other: 12, unreadable: 1, ..Counts::default() };
        let text = counts.text(&args(Some("a\u{1b}"), false), "q");
        assert!(text.starts_with("no dead letter is about a key that begins with `a\\u{1b}`"));
        let text = counts.text(&args(None, false), "q");
        assert!(text.contains("13 to leave (12 about other keys; 1 unreadable"), "{text}");
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

    #[test]
    fn text_of_the_summary() {
        let some = Counts { sent: 2, chosen: 3, other: 12, unreadable: 1, failed: 1 };
        let mut text = String::new();
        for counts in [Counts::default(), some] {
            for prefix in [None, Some("a/")] {
                for yes in [false, true] {
                    let args = Redrive { yes, ..args(prefix, false) };
                    text.push_str(&format!("{}\n", counts.text(&args, "q")));
                }
            }
        }
        crate::report::testing::assert_text("redrive-summary", text);
    }
}
