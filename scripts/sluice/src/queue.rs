//! The SQS calls that several commands make.

use anyhow::anyhow;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};

use crate::aws::explain;

/// SQS's limit on messages of one call.
pub const BATCH: usize = 10;
/// What the messages of one call may have together, in bytes: the older, smaller limit.
const BATCH_BYTES: usize = 256 * 1024;

/// SQS, as one role.
#[derive(Clone)]
pub struct Queues {
    sqs: Client,
}

/// How many messages a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Waiting.
    pub waiting: u64,
    /// Taken by somebody who has not finished.
    pub taken: u64,
}

impl Depth {
    /// Both.
    #[must_use]
    pub fn all(self) -> u64 {
        self.waiting + self.taken
    }
}

impl Queues {
    /// SQS by this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            sqs: Client::new(config),
        }
    }

    /// How many messages there are, about.
    ///
    /// # Errors
    /// When SQS does not say.
    pub async fn depth(&self, url: &str) -> anyhow::Result<Depth> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesNotVisible as Taken,
        };
        let request = self.sqs.get_queue_attributes().queue_url(url);
        let answer = request
            .attribute_names(Waiting)
            .attribute_names(Taken)
            .send()
            .await;
        let answer = answer.map_err(|e| explain(format!("look at queue `{}`", name(url)), &e))?;
        let count = |of: &QueueAttributeName| {
            let text = answer.attributes().and_then(|a| a.get(of));
            text.and_then(|t| t.parse().ok()).unwrap_or(0)
        };
        Ok(Depth {
            waiting: count(&Waiting),
            taken: count(&Taken),
        })
    }

    /// Takes up to ten messages for `seconds`; empty if there is none.
    ///
    /// # Errors
    /// When SQS does not give them.
    pub async fn take(&self, url: &str, seconds: i32) -> anyhow::Result<Vec<Message>> {
        let request = self.sqs.receive_message().queue_url(url);
        let request = request
            .max_number_of_messages(10)
            .visibility_timeout(seconds)
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let answer = request.send().await;
        let answer = answer.map_err(|e| explain(format!("take from queue `{}`", name(url)), &e))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Sends bodies; returns the places in `bodies` of those that were taken.
    ///
    /// # Errors
    /// When SQS takes none.
    pub async fn send(&self, url: &str, bodies: &[&str]) -> anyhow::Result<Vec<usize>> {
        let mut sent = Vec::new();
        for group in groups(bodies) {
            let mut request = self.sqs.send_message_batch().queue_url(url);
            for place in group {
                let entry = SendMessageBatchRequestEntry::builder();
                let entry = entry
                    .id(place.to_string())
                    .message_body(bodies[place])
                    .build()?;
                request = request.entries(entry);
            }
            let answer = request.send().await;
            let answer =
                answer.map_err(|e| explain(format!("send to queue `{}`", name(url)), &e))?;
            sent.extend(
                answer
                    .successful()
                    .iter()
                    .filter_map(|s| s.id().parse::<usize>().ok()),
            );
            if let (Some(failed), true) = (answer.failed().first(), sent.is_empty()) {
                let why = failed.message().unwrap_or_default();
                return Err(anyhow!(
                    "cannot send to queue `{}`: {} {why}",
                    name(url),
                    failed.code()
                ));
            }
        }
        Ok(sent)
    }

    /// Deletes messages that were taken; returns how many SQS did not delete (they come again).
    ///
    /// # Errors
    /// When SQS deletes none.
    pub async fn delete(&self, url: &str, handles: &[&str]) -> anyhow::Result<usize> {
        let mut failed = 0;
        for group in handles.chunks(BATCH) {
            let mut request = self.sqs.delete_message_batch().queue_url(url);
            for (place, handle) in group.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder();
                let entry = entry
                    .id(place.to_string())
                    .receipt_handle(*handle)
                    .build()?;
                request = request.entries(entry);
            }
            let answer = request.send().await;
            let answer =
                answer.map_err(|e| explain(format!("delete from queue `{}`", name(url)), &e))?;
            failed += answer.failed().len();
        }
        Ok(failed)
    }

    /// Lets others see a message again at once.
    ///
    /// # Errors
    /// When SQS does not.
    pub async fn give_back(&self, url: &str, handle: &str) -> anyhow::Result<()> {
        let request = self.sqs.change_message_visibility().queue_url(url);
        let given = request
            .receipt_handle(handle)
            .visibility_timeout(0)
            .send()
            .await;
        given.map_err(|e| explain(format!("give back to queue `{}`", name(url)), &e))?;
        Ok(())
    }
}

/// A queue's name, from its URL.
#[must_use]
pub fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// Puts the places of `bodies` into groups that one call may carry.
fn groups(bodies: &[&str]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (place, body) in bodies.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if group.len() < BATCH && bytes + body.len() <= BATCH_BYTES => {
                bytes += body.len();
                group.push(place);
            }
            _ => {
                bytes = body.len();
                groups.push(vec![place]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_carries_no_more_than_it_may() {
        let large = "x".repeat(100 * 1024);
        let bodies: Vec<&str> = (0..25)
            .map(|n| if n < 3 { large.as_str() } else { "{}" })
            .collect();
        let groups = groups(&bodies);
        assert_eq!(groups.concat(), (0..25).collect::<Vec<_>>());
        for group in groups {
            assert!(group.len() <= BATCH);
            assert!(group.iter().map(|&n| bodies[n].len()).sum::<usize>() <= BATCH_BYTES);
        }
    }

    #[test]
    fn a_url_has_a_name() {
        assert_eq!(
            name("https://sqs.eu-central-1.amazonaws.com/1/sluice-dev-ingest"),
            "sluice-dev-ingest"
        );
    }
}
