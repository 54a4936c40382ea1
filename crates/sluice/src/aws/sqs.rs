//! SQS operations that several commands use.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use futures::future::join_all;
use lambda_support::log::escape;

use crate::aws::errors::explain;

/// The limit of SQS on the messages of one call.
pub(crate) const MAX_BATCH: usize = 10;

/// SQS, as one role.
#[derive(Clone)]
pub(crate) struct Queues {
    sqs: Client,
}

/// Approximate numbers of messages in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) waiting: u64,
    /// Received by a consumer and not deleted yet.
    pub(crate) in_flight: u64,
}

impl Depth {
    pub(crate) fn total(self) -> u64 {
        self.waiting + self.in_flight
    }
}

impl Queues {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self { sqs: Client::new(config) }
    }

    pub(crate) async fn depth(&self, url: &str) -> anyhow::Result<Depth> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let request = self.sqs.get_queue_attributes().queue_url(url).attribute_names(Waiting).attribute_names(InFlight);
        let answer = request.send().await;
        let output =
            answer.map_err(|e| explain(format!("read the attributes of queue `{}`", escape(queue_name(url))), &e))?;
        let count = |name: &QueueAttributeName| {
            let text = output.attributes().and_then(|a| a.get(name));
            text.and_then(|t| t.parse().ok()).unwrap_or(0)
        };
        Ok(Depth { waiting: count(&Waiting), in_flight: count(&InFlight) })
    }

    /// Receives up to ten messages, hidden from other consumers for `visibility_timeout` seconds.
    pub(crate) async fn receive(&self, url: &str, visibility_timeout: i32) -> anyhow::Result<Vec<Message>> {
        let request = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .visibility_timeout(visibility_timeout)
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let answer = request.send().await;
        let output = answer.map_err(|e| explain(format!("receive from queue `{}`", escape(queue_name(url))), &e))?;
        Ok(output.messages.unwrap_or_default())
    }

    /// Sends messages concurrently; returns the indexes of those that SQS accepted.
    ///
    /// # Errors
    /// If SQS accepts none of them.
    pub(crate) async fn send(&self, url: &str, bodies: &[&str]) -> anyhow::Result<Vec<usize>> {
        let send = |(index, body): (usize, &str)| {
            let request = self.sqs.send_message().queue_url(url).message_body(body);
            async move { (index, request.send().await) }
        };
        let results = join_all(bodies.iter().copied().enumerate().map(send)).await;
        let (mut sent, mut last_error) = (Vec::new(), None);
        for (index, result) in results {
            match result {
                Ok(_) => sent.push(index),
                Err(error) => {
                    last_error = Some(explain(format!("send to queue `{}`", escape(queue_name(url))), &error));
                }
            }
        }
        match last_error {
            Some(error) if sent.is_empty() => Err(error),
            _ => Ok(sent),
        }
    }

    /// Deletes received messages concurrently.
    ///
    /// # Errors
    /// If one of them is not deleted; SQS delivers it again.
    pub(crate) async fn delete(&self, url: &str, handles: &[&str]) -> anyhow::Result<()> {
        let delete = |handle: &&str| {
            let request = self.sqs.delete_message().queue_url(url).receipt_handle(*handle);
            async move {
                let deleted = request.send().await;
                deleted.map_err(|e| explain(format!("delete from queue `{}`", escape(queue_name(url))), &e))
            }
        };
        for result in join_all(handles.iter().map(delete)).await {
            result?;
        }
        Ok(())
    }

    /// Makes a received message visible to consumers again.
    pub(crate) async fn release(&self, url: &str, handle: &str) -> anyhow::Result<()> {
        let request = self.sqs.change_message_visibility().queue_url(url);
        let changed = request.receipt_handle(handle).visibility_timeout(0).send().await;
        changed.map_err(|e| explain(format!("release a message of queue `{}`", escape(queue_name(url))), &e))?;
        Ok(())
    }
}

/// The name of a queue, from its URL.
pub(crate) fn queue_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_name_is_the_last_part_of_the_url() {
        assert_eq!(queue_name("https://sqs.eu-central-1.amazonaws.com/1/sluice-dev-ingest"), "sluice-dev-ingest");
    }
}
