//! The types that Lambdas and the operator's tool share, and the formats that they write and read.
//!
//! [`object`] describes object versions, [`timestamp`] points in time, [`keys`] the reserved keys of a bucket. The
//! formats are those of evidence: [`receipt`] and [`operator_record`] are records, each listed in the [`journal`] and
//! then in a signed [`manifest`]. Nothing here calls AWS or needs an async runtime.

pub mod digest;
pub mod journal;
pub mod keys;
pub mod manifest;
pub mod object;
pub mod operator_record;
pub mod receipt;
mod record;
mod record_key;
pub mod signature;
pub mod timestamp;

pub use journal::JournalEntry;
pub use object::{Checksum, ListedVersion, ObjectAttributes, ObjectVersion};
pub use operator_record::{OperatorAction, OperatorRecord};
pub use receipt::{Receipt, ReceiptState};
pub use record::{Record, RecordKind};
pub use timestamp::Timestamp;
