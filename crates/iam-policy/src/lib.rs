//! IAM policies: what AWS defines (services, actions, resource types, condition keys), and a policy document as IAM
//! reads it, every part with its span.
//!
//! Nothing here knows how a policy is deployed; the document is a [`source_text::Value`].
pub mod arn;
pub mod catalogue;
mod kind;
pub mod model;
pub mod pattern;
pub mod reader;
pub mod spelling;

pub use kind::{PolicyKind, is_trust_action};
