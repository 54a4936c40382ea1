//! Writes a record: the journal entry first, then the record, each once and never replaced.
//!
//! Both have the time of the record's `recorded_at`, and the ledger closes a period 60 seconds after its end. So neither
//! write may take longer than 10 seconds, and the record must be written immediately after its entry.

use std::time::Duration;

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault};
use sluice_types::JournalEntry;
use tokio::time::timeout;

/// The longest that one of the two writes may take, including the SDK's retries.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

const WRITE_ENTRY: &str = "PutObject of the journal entry";
const WRITE_RECORD: &str = "PutObject of the record";

/// Which record exists after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteResult {
    /// The one that was to be written.
    Created,
    /// One that existed before.
    AlreadyExists,
}

/// Writes the journal entry of a record that is about to be written, unless it exists: its key determines its bytes.
///
/// # Errors
/// When the call fails or takes too long.
pub async fn write_journal_entry(s3: &aws_sdk_s3::Client, bucket: &str, entry: &JournalEntry) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(entry).map_err(|e| Fault::new(WRITE_ENTRY, e.to_string()))?;
    create(WRITE_ENTRY, put(s3, bucket, entry.key(), bytes)).await?;
    Ok(())
}

/// Writes the record with this key, unless one exists.
///
/// # Errors
/// When the call fails or takes too long.
pub async fn write_record(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    key: String,
    bytes: Vec<u8>,
) -> Result<WriteResult, Fault> {
    create(WRITE_RECORD, put(s3, bucket, key, bytes)).await
}

/// Sends the request with `If-None-Match: *`, which the policy of the receipts bucket requires of every write.
async fn create(call: &str, request: PutObjectFluentBuilder) -> Result<WriteResult, Fault> {
    match timeout(WRITE_TIMEOUT, request.if_none_match("*").send()).await {
        Err(_) => Err(Fault::new(call, format!("no response within {} s", WRITE_TIMEOUT.as_secs()))),
        Ok(Ok(_)) => Ok(WriteResult::Created),
        Ok(Err(error)) if classify(&error) == ErrorClass::PreconditionFailed => Ok(WriteResult::AlreadyExists),
        Ok(Err(error)) => Err(fault(call, &error)),
    }
}

fn put(s3: &aws_sdk_s3::Client, bucket: &str, key: String, bytes: Vec<u8>) -> PutObjectFluentBuilder {
    s3.put_object()
        .bucket(bucket)
        .key(key)
        .content_type("application/json")
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .body(ByteStream::from(bytes))
}
