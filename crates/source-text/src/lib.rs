//! Source files, spans into them, and the values read from them: every part of a value knows where it was written.
//!
//! The formats read here are strict JSON and JSON inside a text of another document. What a value means (Terraform,
//! IAM) is for other crates.
mod alternatives;
pub mod embedded_json;
pub mod json;
mod node_path;
pub mod paths;
mod read;
mod source;
mod text;
mod value;

pub use node_path::NodePath;
pub use read::{ReadError, read, refused, text};
pub use source::{Location, Position, SourceFile, SourceFiles, Span};
pub use text::TextBuilder;
pub use value::{Data, Member, PLACEHOLDER, Segment, Text, Unknown, Value};
