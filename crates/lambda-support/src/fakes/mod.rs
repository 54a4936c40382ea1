//! In-memory S3, DynamoDB, SNS and SQS for tests of protocols.
//!
//! They behave as AWS does where protocols rely on it: versions and delete markers, conditional writes, at-least-once
//! delivery and dead-letter queues. They are plain values (clone, compare, hash), so that a test can explore every
//! state. A [`FaultInjector`] decides which calls fail or lose their response.

mod faults;
mod queue;
mod s3;
mod table;

pub use faults::{FaultInjector, InjectedFault};
pub use queue::{Message, Queue};
pub use s3::{Object, S3, S3Error};
pub use table::Table;

/// The AWS services of one test.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FakeAws {
    /// Every bucket.
    pub s3: S3,
    /// The table.
    pub table: Table,
    /// The messages published to the topic, oldest first.
    pub notices: Vec<String>,
}
