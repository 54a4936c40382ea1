//! policy-lint: an offline least-privilege linter for AWS IAM.
//!
//! Source -> project -> rules -> diagnostics -> report. The library uses no terminal and no clock.
mod access;
mod attachments;
mod aws_provider;
mod check;
pub mod diagnostic;
mod discover;
pub mod engine;
mod permission;
mod plan;
mod policy_attributes;
mod policy_document;
pub mod policy_file;
pub mod project;
mod quoted;
mod reference_arns;
pub mod report;
pub mod rule;
pub mod rules;
pub mod suppress;
pub mod terraform;

pub use check::{Request, check};
