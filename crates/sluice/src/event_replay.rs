//! Replays `Object Created` events: sends them to a system's queue as EventBridge would have.

use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::{Value, json};
use sluice_types::{ListedVersion, ObjectVersion};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::aws::s3_listing::modified_seconds;
use crate::aws::sqs::{MAX_BATCH, Queues};
use crate::time::rfc3339;

/// Sends events of object versions to a queue at a steady rate.
pub(crate) struct EventReplayer {
    queues: Queues,
    region: String,
    queue_url: String,
    ticker: Interval,
}

impl EventReplayer {
    /// An replayer to this queue, of at most `rate` versions a second.
    pub(crate) fn new(config: &SdkConfig, region: &str, queue_url: &str, rate: u32) -> Self {
        Self {
            queues: Queues::new(config),
            region: region.to_owned(),
            queue_url: queue_url.to_owned(),
            ticker: batch_ticker(rate),
        }
    }

    pub(crate) fn queue_url(&self) -> &str {
        &self.queue_url
    }

    /// Sends the events of up to [`MAX_BATCH`] versions; returns how many the queue accepted.
    ///
    /// # Errors
    /// If it accepted none.
    pub(crate) async fn replay(&mut self, versions: &[ListedVersion]) -> anyhow::Result<u64> {
        self.ticker.tick().await;
        let events: Vec<String> = versions.iter().map(|listed| event(&self.region, listed).to_string()).collect();
        let bodies: Vec<&str> = events.iter().map(String::as_str).collect();
        let sent = self.queues.send(&self.queue_url, &bodies).await?;
        Ok(sent.len() as u64)
    }
}

/// The interval between full batches.
fn batch_interval(rate: u32) -> Duration {
    Duration::from_secs(1) * u32::try_from(MAX_BATCH).unwrap_or(1) / rate
}

fn batch_ticker(rate: u32) -> Interval {
    let mut ticker = interval(batch_interval(rate));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

/// The event that EventBridge would have sent.
fn event(region: &str, listed: &ListedVersion) -> Value {
    let ObjectVersion { bucket, key, version_id } = &listed.version;
    json!({
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": rfc3339(modified_seconds(listed)),
        "region": region,
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key, "size": listed.attributes.size, "etag": listed.attributes.etag, "version-id": version_id,
            },
            "reason": "Backfill",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3_listing::testing;
    use lambda_support::envelope::{Envelope, decode};

    #[test]
    fn a_replayed_event_is_decoded() {
        let listed = testing::listed("a+b ü.json", "v1");
        let Ok(Envelope::Arrivals(arrivals)) = decode(&event("eu-central-1", &listed).to_string()) else {
            panic!("not an event");
        };
        let arrival = &arrivals[0];
        assert_eq!((arrival.bucket.as_str(), arrival.key.as_str()), ("raw", "a+b ü.json"));
        assert_eq!((arrival.version_id.as_deref(), arrival.size), (Some("v1"), Some(3)));
        assert_eq!(arrival.time.as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn batches_keep_the_rate() {
        assert_eq!(batch_interval(50), Duration::from_millis(200));
        assert_eq!(batch_interval(10_000), Duration::from_millis(1));
    }
}
