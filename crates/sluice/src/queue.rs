//! The SQS calls that several commands make.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use lambda_support::log::escape;
use tokio::task::JoinSet;

use crate::aws::explain;

/// As many messages as SQS gives at once.
pub const BATCH: usize = 10;
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
        Self { sqs: Client::new(config) }
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
        let answer = request.attribute_names(Waiting).attribute_names(Taken).send().await;
        let answer = answer.map_err(|e| explain(format!("look at queue `{}`", escape(name(url))), &e))?;
        let count = |of: &QueueAttributeName| {
            let text = answer.attributes().and_then(|a| a.get(of));
            text.and_then(|t| t.parse().ok()).unwrap_or(0)
        };
        Ok(Depth { waiting: count(&Waiting), taken: count(&Taken) })
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
        let answer = answer.map_err(|e| explain(format!("take from queue `{}`", escape(name(url))), &e))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Sends bodies, all at once; returns the places in `bodies` of those that were taken.
    ///
    /// # Errors
    /// When SQS takes none of them.
    pub async fn send(&self, url: &str, bodies: &[&str]) -> anyhow::Result<Vec<usize>> {
        let mut sending = JoinSet::new();
        for (place, body) in bodies.iter().enumerate() {
            let request = self.sqs.send_message().queue_url(url).message_body(*body);
            sending.spawn(async move { (place, request.send().await) });
        }
        let (mut sent, mut refused) = (Vec::new(), None);
        while let Some(done) = sending.join_next().await {
            match done? {
                (place, Ok(_)) => sent.push(place),
                (_, Err(error)) => {
                    refused = Some(explain(format!("send to queue `{}`", escape(name(url))), &error));
                }
            }
        }
        match refused {
            Some(error) if sent.is_empty() => Err(error),
            _ => Ok(sent),
        }
    }

    /// Deletes messages that were taken, all at once.
    ///
    /// # Errors
    /// When SQS does not delete one; it comes again.
    pub async fn delete(&self, url: &str, handles: &[&str]) -> anyhow::Result<()> {
        let mut deleting = JoinSet::new();
        for handle in handles {
            let request = self.sqs.delete_message().queue_url(url);
            let request = request.receipt_handle(*handle);
            deleting.spawn(async move { request.send().await });
        }
        while let Some(done) = deleting.join_next().await {
            done?.map_err(|e| explain(format!("delete from queue `{}`", escape(name(url))), &e))?;
        }
        Ok(())
    }

    /// Lets others see a message again at once.
    ///
    /// # Errors
    /// When SQS does not.
    pub async fn give_back(&self, url: &str, handle: &str) -> anyhow::Result<()> {
        let request = self.sqs.change_message_visibility().queue_url(url);
        let given = request.receipt_handle(handle).visibility_timeout(0).send().await;
        given.map_err(|e| explain(format!("give back to queue `{}`", escape(name(url))), &e))?;
        Ok(())
    }
}

/// A queue's name, from its URL.
#[must_use]
pub fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_name() {
        assert_eq!(name("https://sqs.eu-central-1.amazonaws.com/1/sluice-dev-ingest"), "sluice-dev-ingest");
    }
}
