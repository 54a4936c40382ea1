//! What all Lambdas of this project share.
//!
//! A Lambda consists of a pure protocol, which decides, and an edge, which calls AWS. Everything around them is here:
//! [`envelope`] decodes events, [`batch`] handles the messages of a batch independently of each other, [`protocol`] is
//! the trait of all protocols and the loop that runs one, [`aws`] classifies the SDK's errors, [`settings`] reads the
//! environment, [`log`] and [`metrics`] write lines. [`invocation`] connects them to the Lambda Runtime API, and
//! [`start`] is the program. The feature `fakes` adds the in-memory AWS services that protocols are tested against.

pub mod aws;
pub mod batch;
pub mod envelope;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod invocation;
pub mod log;
pub mod metrics;
pub mod protocol;
pub mod settings;
pub mod start;

pub use batch::{Fault, Handled, Handler};
pub use envelope::Arrival;
pub use protocol::{Performer, Protocol, Step, StepOf, drive};
