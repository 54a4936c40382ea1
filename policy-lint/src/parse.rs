//! Text to values and policies: one reader per kind of source.
pub mod carriers;
pub mod document;
pub mod embedded;
pub mod hcl;
pub mod json;
pub mod permission;
pub mod plan;
pub mod raw;
