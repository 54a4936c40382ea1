//! Who holds which policies, and what these allow.
mod identities;
mod references;
mod resource_index;
mod unread;

pub(crate) use identities::{Identity, boundaries, identities};
pub(crate) use references::{may_refer_to, refers_to};
pub(crate) use unread::has_unread;
