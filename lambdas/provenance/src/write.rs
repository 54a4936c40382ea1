//! The two writes of a record: announced first, then put, each written once and never replaced.
//!
//! Both are dated with the record's `recorded_at`, and the ledger closes a period 60 seconds after its end: so neither
//! may take longer than [`BOUND`], and the second follows the first at once.

use std::time::Duration;

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault};
use sluice_types::JournalEntry;
use tokio::time::timeout;

/// The longest that one of the two writes may take, with the SDK's retries.
pub const BOUND: Duration = Duration::from_secs(10);

const ANNOUNCE: &str = "PutObject of the journal entry";
const WRITE: &str = "PutObject of the record";

/// Whose record is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Written {
    /// This one.
    Now,
    /// One that was there before.
    Before,
}

/// Puts the journal entry of a record that is about to be written, if it is not there: its key tells its bytes.
///
/// # Errors
/// When the call fails or takes too long.
pub async fn announce(s3: &aws_sdk_s3::Client, bucket: &str, entry: &JournalEntry) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(entry).map_err(|e| Fault::new(ANNOUNCE, e.to_string()))?;
    once(ANNOUNCE, put(s3, bucket, entry.key(), bytes)).await?;
    Ok(())
}

/// Puts the record under its key, if there is none in its place.
///
/// # Errors
/// When the call fails or takes too long.
pub async fn write(s3: &aws_sdk_s3::Client, bucket: &str, key: String, bytes: Vec<u8>) -> Result<Written, Fault> {
    once(WRITE, put(s3, bucket, key, bytes)).await
}

/// Every write demands that nothing is there, as the bucket's policy asks of everybody.
async fn once(call: &str, request: PutObjectFluentBuilder) -> Result<Written, Fault> {
    match timeout(BOUND, request.if_none_match("*").send()).await {
        Err(_) => Err(late(call)),
        Ok(Ok(_)) => Ok(Written::Now),
        Ok(Err(error)) if classify(&error) == ErrorClass::PreconditionFailed => Ok(Written::Before),
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

fn late(call: &str) -> Fault {
    Fault::new(call, format!("no answer in {} s", BOUND.as_secs()))
}
