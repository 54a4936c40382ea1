//! The evaluator. Expressions, templates, references, blocks and module calls are mutually recursive, so the files of
//! this folder import each other. Everything else uses [`attribute`] and [`resources`] only.
mod block;
mod call;
mod data_source;
mod expression;
mod files;
mod for_expression;
mod module_call;
mod reference;
mod repetition;
mod resources;
mod template;
mod type_constraint;

pub(crate) use expression::attribute;
pub(crate) use resources::resources;
