//! Every AWS call of this Lambda, one arm an effect. The role's policy names exactly these calls.

use std::sync::Arc;
use std::time::Duration;

use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault, find_version};
use sluice_types::{ObjectAttributes, ObjectVersion, Record};
use tokio::time::{Instant, timeout_at};

use crate::effect::{Effect, EffectResult};
use crate::hash::{Reader, hash};
use crate::version::{Unread, inspect};
use crate::write::{BOUND, Written, announce, write};

/// Time kept back for the two writes of a record that says that there was no time for more.
const WRITING: Duration = Duration::from_secs(2 * BOUND.as_secs() + 1);

/// With less than this, hashing is not begun: that a version is too long is said only after an honest try.
const LEAST: Duration = Duration::from_secs(10);

/// AWS.
pub struct Aws {
    s3: aws_sdk_s3::Client,
    receipts_bucket: String,
    reader: Arc<Reader>,
}

impl Aws {
    /// A client of one configuration, and the buffers of the whole function.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, receipts_bucket: String) -> Self {
        Self { s3: aws_sdk_s3::Client::new(config), receipts_bucket, reader: Reader::new() }
    }

    /// Makes the call; hashing ends in time for the writes before `until`.
    ///
    /// # Errors
    /// When it may succeed later.
    pub async fn perform(&self, effect: &Effect, until: Instant) -> Result<EffectResult, Fault> {
        let receipts = self.receipts_bucket.as_str();
        match effect {
            Effect::Pin { bucket, key, etag } => {
                // The newest of its kind, not the current: a delete marker may be on top of it.
                let found =
                    find_version(&self.s3, bucket, key, |listed| etag.is_none() || listed.attributes.etag == *etag);
                Ok(EffectResult::Found(found.await?))
            }
            Effect::CheckReceipt(key) => self.check_receipt(key).await,
            Effect::Inspect(version) => match inspect(&self.s3, version).await {
                Ok(facts) => Ok(EffectResult::Facts(facts)),
                Err(unread) => unreadable(unread),
            },
            Effect::Hash(version, facts) => self.hash(version, facts, until).await,
            Effect::Confirm(version) => {
                let found = find_version(&self.s3, &version.bucket, &version.key, |listed| listed.version == *version);
                Ok(EffectResult::Found(found.await?))
            }
            Effect::Announce(receipt) => {
                announce(&self.s3, receipts, &receipt.journal_entry()).await?;
                Ok(EffectResult::Done)
            }
            Effect::Write(receipt) => {
                let (key, bytes) = (receipt.record_key(), receipt.bytes());
                match write(&self.s3, receipts, key, bytes).await? {
                    Written::Now => Ok(EffectResult::Done),
                    Written::Before => Ok(EffectResult::WrittenBefore),
                }
            }
        }
    }

    async fn check_receipt(&self, key: &str) -> Result<EffectResult, Fault> {
        let request = self.s3.head_object().bucket(&self.receipts_bucket);
        match request.key(key).send().await {
            Ok(_) => Ok(EffectResult::Receipt(true)),
            Err(error) if classify(&error) == ErrorClass::NotFound => Ok(EffectResult::Receipt(false)),
            Err(error) => Err(fault("HeadObject of the receipt", &error)),
        }
    }

    async fn hash(
        &self,
        version: &ObjectVersion,
        facts: &ObjectAttributes,
        until: Instant,
    ) -> Result<EffectResult, Fault> {
        let Some(limit) = until.checked_sub(WRITING) else {
            return Err(no_time());
        };
        if limit < Instant::now() + LEAST {
            return Err(no_time());
        }
        let hashed = hash(&self.s3, version, facts, &self.reader, |_| ());
        match timeout_at(limit, hashed).await {
            Err(_) => Ok(EffectResult::OutOfTime),
            Ok(Ok(sha256)) => Ok(EffectResult::Hashed(sha256)),
            Ok(Err(unread)) => unreadable(unread),
        }
    }
}

fn unreadable(unread: Unread) -> Result<EffectResult, Fault> {
    match unread {
        Unread::Absent(fault) => Ok(EffectResult::Unreadable(fault)),
        Unread::Refused { reason, .. } => Ok(EffectResult::Refused(reason)),
        Unread::Fault(fault) => Err(fault),
    }
}

fn no_time() -> Fault {
    Fault::new("GetObject", "no time left in this invocation to read it")
}
