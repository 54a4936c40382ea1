//! `redrive`: sends dead letters back to their source queue. A dead letter is deleted only after the queue has accepted
//! it, so an interrupted run sends a message twice at worst, which the functions tolerate.

mod dead_letter;

use std::cell::Cell;
use std::collections::BTreeMap;

use aws_sdk_sqs::types::Message;
use lambda_support::log::escape;
use serde_json::json;
use sluice_types::OperatorAction;

use crate::aws::session::{Role, session};
use crate::aws::sqs::{Queues, queue_name};
use crate::globals::Globals;
use crate::operator_log::{OperatorLog, Subject};
use crate::outputs::{System, SystemQueues};
use crate::report::{ExitStatus, Report, message};
use dead_letter::DeadLetter;

/// How long received messages stay hidden from other consumers, in seconds: while all are listed, and while ten are sent.
const LIST_VISIBILITY_TIMEOUT: i32 = 300;
const SEND_VISIBILITY_TIMEOUT: i32 = 30;

/// Sends dead letters back to the queue; without --yes only lists them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice redrive
  sluice redrive --queue messages --key-prefix albums/ --yes

Fix the cause first. Each message is deleted after the queue has accepted it, so an interrupted run loses nothing; run it
again.
Exit code: 0 all listed or sent, or --key-prefix matches nothing; 1 some are left or a queue could not be read; 2 usage or
environment error.")]
pub(crate) struct RedriveArgs {
    /// Send the selected messages; without it, only list them
    #[arg(long)]
    yes: bool,
    /// The system whose dead letters to redrive [default: ingest, if it is on]
    #[arg(long, value_enum)]
    system: Option<System>,
    /// The dead-letter queues to redrive
    #[arg(long, value_enum, default_value_t = QueueSelection::All)]
    queue: QueueSelection,
    /// Select only messages about keys that begin with PREFIX
    #[arg(long, value_name = "PREFIX")]
    key_prefix: Option<String>,
    /// Also send messages that are not events the function can read
    #[arg(long)]
    unreadable: bool,
    /// The reason, for the operator record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum QueueSelection {
    /// Both queues
    All,
    /// Events that EventBridge could not deliver
    Events,
    /// Messages that the function failed to process
    Messages,
}

impl QueueSelection {
    fn urls(self, queues: SystemQueues<'_>) -> Vec<&str> {
        let (events, messages) = (queues.event_dead_letter_url, queues.queue_dead_letter_url);
        match self {
            Self::All => vec![events, messages],
            Self::Events => vec![events],
            Self::Messages => vec![messages],
        }
    }
}

#[derive(Default)]
struct RedriveCounts {
    sent: u64,
    selected: u64,
    /// Left because they are about other keys.
    other_keys: u64,
    /// Left because the function cannot read them.
    unreadable: u64,
    /// Selected, and not accepted by the queue.
    rejected: u64,
}

impl RedriveCounts {
    fn left(&self) -> u64 {
        self.other_keys + self.unreadable + self.rejected
    }

    /// Why messages are left, in parentheses; empty if none is left.
    fn left_reasons(&self) -> String {
        let reasons = [
            (self.other_keys, "about other keys"),
            (self.unreadable, "unreadable, --unreadable sends them too"),
            (self.rejected, "not accepted by the queue, run this again"),
        ];
        let texts: Vec<String> =
            reasons.iter().filter(|(count, _)| *count > 0).map(|(count, reason)| format!("{count} {reason}")).collect();
        if texts.is_empty() {
            return String::new();
        }
        format!(" ({})", texts.join("; "))
    }

    fn text(&self, args: &RedriveArgs, queue: &str) -> String {
        let (left, reasons, queue) = (self.left(), self.left_reasons(), escape(queue));
        match (&args.key_prefix, self.selected) {
            (Some(prefix), 0) => format!(
                "no dead letter is about a key that begins with `{}`: nothing to send, {left} left{reasons}",
                escape(prefix)
            ),
            _ if args.yes => format!("{} sent to {queue}, {left} left{reasons}", self.sent),
            (_, 0) => format!("0 to send, {left} to leave{reasons}"),
            (_, selected) => format!("{selected} to send, {left} to leave{reasons}; --yes sends them"),
        }
    }
}

pub(crate) async fn run(globals: &Globals, args: &RedriveArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let outputs = globals.outputs.read()?;
    let system = args.system.unwrap_or(outputs.default_system());
    let system_queues = outputs.queues(system)?;
    let config = session(&outputs, system, globals.role_or(Role::Operator)).await?;
    let queues = Queues::new(&config);
    let log = match args.yes {
        true => Some(OperatorLog::open(&outputs, system, &config, args.reason.as_deref()).await?),
        false => None,
    };
    let (mut counts, mut errors) = (RedriveCounts::default(), Vec::new());
    let dead_letter_urls = args.queue.urls(system_queues);
    for url in &dead_letter_urls {
        let redrive = QueueRedrive {
            queues: &queues,
            dead_letter_url: url,
            source_url: system_queues.queue_url,
            bucket: outputs.source_bucket(system)?,
            log: log.as_ref(),
            is_recorded: Cell::new(false),
            args,
        };
        if let Err(error) = redrive.run(report, &mut counts).await {
            errors.push(error);
        }
    }
    if errors.len() == dead_letter_urls.len() && counts.selected + counts.left() == 0 {
        return Err(errors.swap_remove(0));
    }
    for error in &errors {
        report.note(message(error));
    }
    report.line(
        counts.text(args, queue_name(system_queues.queue_url)),
        &json!({"chosen": counts.selected, "sent": counts.sent, "left": counts.left()}),
    );
    let nothing_selected = args.key_prefix.is_some() && counts.selected == 0;
    let is_complete = !args.yes || nothing_selected || counts.left() == 0;
    Ok(ExitStatus::success_if(is_complete && errors.is_empty()))
}

/// The redrive of one dead-letter queue.
struct QueueRedrive<'a> {
    queues: &'a Queues,
    dead_letter_url: &'a str,
    source_url: &'a str,
    /// The bucket that sends events to the source queue.
    bucket: &'a str,
    /// Records the run before its first message is sent; `None` if nothing is sent.
    log: Option<&'a OperatorLog>,
    is_recorded: Cell<bool>,
    args: &'a RedriveArgs,
}

impl QueueRedrive<'_> {
    fn prefix(&self) -> Option<&str> {
        self.args.key_prefix.as_deref()
    }

    /// Receives every message once. Messages that stay become visible again only at the end, so that they are not received
    /// twice; if the run is interrupted, they become visible after their timeout.
    async fn run(&self, report: &Report, counts: &mut RedriveCounts) -> anyhow::Result<()> {
        let mut kept_handles: BTreeMap<String, String> = BTreeMap::new();
        let mut empty_receives = 0;
        let visibility_timeout = if self.args.yes { SEND_VISIBILITY_TIMEOUT } else { LIST_VISIBILITY_TIMEOUT };
        while empty_receives < 2 {
            let messages = self.queues.receive(self.dead_letter_url, visibility_timeout).await?;
            empty_receives = if messages.is_empty() { empty_receives + 1 } else { 0 };
            let mut to_send = Vec::new();
            for message in messages {
                let dead_letter = DeadLetter::from_message(&message);
                let message_id = message.message_id().unwrap_or_default().to_owned();
                let receipt_handle = message.receipt_handle().unwrap_or_default().to_owned();
                let is_selected = dead_letter.is_selected(self.prefix(), self.args.unreadable);
                if is_selected && self.args.yes {
                    to_send.push((message, dead_letter));
                } else if kept_handles.insert(message_id, receipt_handle).is_none() {
                    self.keep(&message, &dead_letter, is_selected, report, counts);
                }
            }
            self.send(to_send, report, counts).await?;
        }
        for receipt_handle in kept_handles.values() {
            self.queues.release(self.dead_letter_url, receipt_handle).await?;
        }
        Ok(())
    }

    /// Counts and prints a message that stays in the dead-letter queue.
    fn keep(
        &self,
        message: &Message,
        dead_letter: &DeadLetter,
        is_selected: bool,
        report: &Report,
        counts: &mut RedriveCounts,
    ) {
        let about_other_keys = !is_selected && !dead_letter.is_about(self.prefix());
        counts.selected += u64::from(is_selected);
        counts.other_keys += u64::from(about_other_keys);
        counts.unreadable += u64::from(!is_selected && !about_other_keys);
        let result = if is_selected { "to send" } else { "left" };
        dead_letter.print(self.dead_letter_url, self.bucket, message, result, report);
    }

    /// Sends messages to the source queue, then deletes those that it accepted; never the other way round.
    async fn send(
        &self,
        to_send: Vec<(Message, DeadLetter)>,
        report: &Report,
        counts: &mut RedriveCounts,
    ) -> anyhow::Result<()> {
        if to_send.is_empty() {
            return Ok(());
        }
        if let Some(log) = self.log.filter(|_| !self.is_recorded.get()) {
            let subject = Subject::Queue(queue_name(self.dead_letter_url).to_owned());
            log.record(OperatorAction::Redrive, &subject).await?;
            self.is_recorded.set(true);
        }
        let bodies: Vec<&str> = to_send.iter().map(|(message, _)| message.body().unwrap_or_default()).collect();
        let accepted = self.queues.send(self.source_url, &bodies).await?;
        report.mark_changed();
        let sent: Vec<&(Message, DeadLetter)> = accepted.iter().filter_map(|&index| to_send.get(index)).collect();
        let receipt_handles: Vec<&str> = sent.iter().filter_map(|(message, _)| message.receipt_handle()).collect();
        self.queues.delete(self.dead_letter_url, &receipt_handles).await?;
        counts.selected += to_send.len() as u64;
        counts.sent += sent.len() as u64;
        counts.rejected += (to_send.len() - sent.len()) as u64;
        for (message, dead_letter) in sent {
            dead_letter.print(self.dead_letter_url, self.bucket, message, "sent", report);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(prefix: Option<&str>, unreadable: bool) -> RedriveArgs {
        RedriveArgs {
            yes: false,
            system: None,
            queue: QueueSelection::All,
            key_prefix: prefix.map(Into::into),
            unreadable,
            reason: None,
        }
    }

    #[test]
    fn the_summary_says_why_messages_are_left() {
        let counts = RedriveCounts { other_keys: 12, unreadable: 1, ..RedriveCounts::default() };
        let text = counts.text(&args(Some("a\u{1b}"), false), "q");
        assert!(text.starts_with("no dead letter is about a key that begins with `a\\u{1b}`"));
        let text = counts.text(&args(None, false), "q");
        assert!(text.contains("13 to leave (12 about other keys; 1 unreadable"), "{text}");
    }

    #[test]
    fn both_queues_are_the_default() {
        let outputs = crate::outputs::tests::outputs();
        let system_queues = outputs.queues(System::Ingest).unwrap();
        assert_eq!(QueueSelection::All.urls(system_queues), ["e", "d"]);
        assert_eq!(QueueSelection::Events.urls(system_queues), ["e"]);
        let system_queues = outputs.queues(System::Provenance).unwrap();
        assert_eq!(QueueSelection::Messages.urls(system_queues), ["pd"]);
    }

    #[test]
    fn text_of_the_summary() {
        let some = RedriveCounts { sent: 2, selected: 3, other_keys: 12, unreadable: 1, rejected: 1 };
        let mut text = String::new();
        for counts in [RedriveCounts::default(), some] {
            for prefix in [None, Some("a/")] {
                for yes in [false, true] {
                    let args = RedriveArgs { yes, ..args(prefix, false) };
                    text.push_str(&format!("{}\n", counts.text(&args, "q")));
                }
            }
        }
        crate::report::testing::assert_text("redrive-summary", text);
    }
}
