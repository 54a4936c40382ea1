//! Who holds which policies, and what these allow.
mod identities;
mod references;
mod resource_index;
mod unread;

pub use identities::{Identity, boundaries, identities};
pub use references::{may_refer_to, refers_to};
pub use unread::has_unread;
