//! Calls to AWS: sessions, errors, and the operations that several commands use.

pub(crate) mod errors;
pub(crate) mod s3;
pub(crate) mod s3_listing;
pub(crate) mod server_clock;
pub(crate) mod session;
pub(crate) mod sqs;
