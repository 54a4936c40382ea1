//! Replays `Object Created` events: sends them to a system's queue as EventBridge would have.

use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::aws::s3_listing::ListedVersion;
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

    /// Sends the events of up to [`MAX_BATCH`] versions of a bucket; returns how many the queue accepted.
    ///
    /// # Errors
    /// If it accepted none.
    pub(crate) async fn replay(&mut self, bucket: &str, versions: &[ListedVersion]) -> anyhow::Result<u64> {
        self.ticker.tick().await;
        let events = versions.iter().map(|v| event(&self.region, bucket, v));
        let events: Vec<String> = events.map(|e| e.to_string()).collect();
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
fn event(region: &str, bucket: &str, version: &ListedVersion) -> Value {
    json!({
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": rfc3339(version.modified),
        "region": region,
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": version.key, "size": version.size, "etag": version.etag, "version-id": version.version_id},
            "reason": "Backfill",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_support::envelope::{Envelope, decode};

    #[test]
    fn a_replayed_event_is_decoded() {
        let version = ListedVersion {
            key: "a+b ü.json".into(),
            version_id: "v1".into(),
            size: 3,
            etag: Some("e".into()),
            modified: 0,
            is_latest: true,
            delete_marker: false,
        };
        let Ok(Envelope::Arrivals(arrivals)) = decode(&event("eu-central-1", "in", &version).to_string()) else {
            panic!("not an event");
        };
        let arrival = &arrivals[0];
        assert_eq!((arrival.bucket.as_str(), arrival.key.as_str()), ("in", "a+b ü.json"));
        assert_eq!((arrival.version_id.as_deref(), arrival.size), (Some("v1"), Some(3)));
        assert_eq!(arrival.time.as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn batches_keep_the_rate() {
        assert_eq!(batch_interval(50), Duration::from_millis(200));
        assert_eq!(batch_interval(10_000), Duration::from_millis(1));
    }
}
