//! In-memory S3, DynamoDB, SNS and SQS for tests of protocols.
//!
//! They honour what protocols lean on: versions and delete markers, conditional writes, at-least-once delivery and
//! dead letters. They are plain values (clone, compare, hash), so a test can explore every state; [`Trouble`] decides
//! where a call fails, loses its response or takes the function down with it.

mod queue;
mod s3;
mod table;
mod trouble;

pub use queue::{Message, Queue};
pub use s3::{Object, S3, S3Error};
pub use table::Table;
pub use trouble::{Broken, Trouble};

/// The world outside a Lambda.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct World {
    /// Every bucket.
    pub s3: S3,
    /// The one table.
    pub table: Table,
    /// What was published to the one topic, oldest first.
    pub notices: Vec<String>,
}
