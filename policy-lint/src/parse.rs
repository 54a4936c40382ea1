//! Text to values and policies: one reader per kind of source.
pub mod carriers;
pub mod document;
pub mod embedded;
pub mod json;
pub mod plan;
pub mod raw;
