//! All AWS calls of this Lambda, one arm for each effect. The policy of its role grants exactly these calls.

use std::sync::Arc;
use std::time::Duration;

use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault, find_version};
use sluice_types::{ObjectAttributes, ObjectVersion, Record};
use tokio::time::{Instant, timeout_at};

use crate::effect::{Effect, EffectResult};
use crate::hash::{Reader, hash};
use crate::inspect::{ReadError, inspect};
use crate::record_writer::{WRITE_TIMEOUT, write_journal_entry, write_record};

/// Time that is reserved for the two writes of a record which states that the time was up.
const WRITE_MARGIN: Duration = Duration::from_secs(2 * WRITE_TIMEOUT.as_secs() + 1);

/// With less time than this, hashing is not started: a version is deferred only if there was time to try.
const MIN_HASH_TIME: Duration = Duration::from_secs(10);

/// The clients and buffers of the function.
pub struct Aws {
    s3: aws_sdk_s3::Client,
    receipts_bucket: String,
    reader: Arc<Reader>,
}

impl Aws {
    /// A client of this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, receipts_bucket: String) -> Self {
        Self { s3: aws_sdk_s3::Client::new(config), receipts_bucket, reader: Reader::new() }
    }

    /// Performs an effect. Hashing stops in time for the two writes before `until`.
    ///
    /// # Errors
    /// When the call may succeed later.
    pub async fn perform(&self, effect: &Effect, until: Instant) -> Result<EffectResult, Fault> {
        let receipts_bucket = self.receipts_bucket.as_str();
        match effect {
            Effect::ResolveVersion { bucket, key, etag } => {
                // The newest version, not the current one: a delete marker may be on top of it.
                let listed =
                    find_version(&self.s3, bucket, key, |listed| etag.is_none() || listed.attributes.etag == *etag);
                Ok(EffectResult::Listed(listed.await?))
            }
            Effect::CheckReceipt(key) => self.check_receipt(key).await,
            Effect::Inspect(version) => match inspect(&self.s3, version).await {
                Ok(attributes) => Ok(EffectResult::Attributes(attributes)),
                Err(error) => read_error(error),
            },
            Effect::Hash(version, attributes) => self.hash(version, attributes, until).await,
            Effect::ConfirmVersion(version) => {
                let listed = find_version(&self.s3, &version.bucket, &version.key, |listed| listed.version == *version);
                Ok(EffectResult::Listed(listed.await?))
            }
            Effect::WriteJournalEntry(receipt) => {
                write_journal_entry(&self.s3, receipts_bucket, &receipt.journal_entry()).await?;
                Ok(EffectResult::JournalEntryWritten)
            }
            Effect::WriteRecord(receipt) => {
                let (key, bytes) = (receipt.record_key(), receipt.bytes());
                let written = write_record(&self.s3, receipts_bucket, key, bytes).await?;
                Ok(EffectResult::RecordWritten(written))
            }
        }
    }

    async fn check_receipt(&self, key: &str) -> Result<EffectResult, Fault> {
        let request = self.s3.head_object().bucket(&self.receipts_bucket);
        match request.key(key).send().await {
            Ok(_) => Ok(EffectResult::ReceiptExists(true)),
            Err(error) if classify(&error) == ErrorClass::NotFound => Ok(EffectResult::ReceiptExists(false)),
            Err(error) => Err(fault("HeadObject of the receipt", &error)),
        }
    }

    async fn hash(
        &self,
        version: &ObjectVersion,
        attributes: &ObjectAttributes,
        until: Instant,
    ) -> Result<EffectResult, Fault> {
        let deadline = until.checked_sub(WRITE_MARGIN).filter(|deadline| *deadline >= Instant::now() + MIN_HASH_TIME);
        let Some(deadline) = deadline else {
            return Err(Fault::new("GetObject", "no time left in this invocation to read the version"));
        };
        let hashing = hash(&self.s3, version, attributes, &self.reader, |_| ());
        match timeout_at(deadline, hashing).await {
            Err(_) => Ok(EffectResult::OutOfTime),
            Ok(Ok(sha256)) => Ok(EffectResult::Hashed(sha256)),
            Ok(Err(error)) => read_error(error),
        }
    }
}

fn read_error(error: ReadError) -> Result<EffectResult, Fault> {
    match error {
        ReadError::NotAccessible(fault) => Ok(EffectResult::NotAccessible(fault)),
        ReadError::Refused { code, .. } => Ok(EffectResult::Refused(code)),
        ReadError::Fault(fault) => Err(fault),
    }
}
