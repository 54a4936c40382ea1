//! The evaluator. Expressions, templates, references, blocks and calls of modules need each other, so this folder is
//! the one place whose files import each other in circles; everything else uses [`attribute`] and [`resources`] only.
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
