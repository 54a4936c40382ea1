//! What every Sluice Lambda shares.
//!
//! A Lambda is a pure protocol and an edge; this crate is everything around them: it decodes what arrives
//! ([`envelope`]), runs each record on its own ([`batch`]), reads settings ([`settings`]) and writes log and
//! metric lines ([`log`], [`metrics`]); edges share [`aws`]. [`serve`] ties them to the Lambda Runtime API and [`start`]
//! is their program. With the feature `fakes` it also has the in-memory S3, DynamoDB, SNS and SQS that protocols are
//! tested against.

pub mod aws;
pub mod batch;
pub mod envelope;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod log;
pub mod metrics;
pub mod protocol;
pub mod serve;
pub mod settings;
pub mod start;

pub use batch::{Fault, Handled, Handler};
pub use envelope::Arrival;
pub use protocol::{Performer, Protocol, Step, StepOf, drive};
