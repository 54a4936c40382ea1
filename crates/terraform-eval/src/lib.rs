//! Terraform source to evaluated resources with spans. Nothing runs and nothing is downloaded: a value that only a plan
//! or an apply determines is unknown, and names the expression it comes from.
//!
//! The crate knows no resource type of a cloud, only those that make text (`template_file`, `local_file`,
//! `terraform_data`). What a provider computes is passed in as a [`Provider`].
pub mod address;
mod context;
mod eval;
mod functions;
pub mod literal;
mod loader;
mod member_groups;
mod module;
mod module_files;
mod provider;
mod resource;
mod scope;
mod syntax;
mod values;

pub use context::BrokenFile;
pub use loader::{Evaluation, SourceHints, evaluate, evaluate_planned};
pub use module_files::is_terraform;
pub use provider::{DerivedAttribute, DocumentSource, Provider};
pub use resource::{Document, EvaluatedRoot, Resource};
