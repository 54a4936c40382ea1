//! What hides findings: comments in Terraform source, entries of `policy-lint.toml`, the persona, and a baseline.
pub mod baseline;
pub(crate) mod comments;
pub mod exceptions;
pub(crate) mod pipeline;
