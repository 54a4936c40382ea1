//! What an evaluation gives back.
use source_text::{Span, Value};

/// A resource of Terraform source, a plan or a state.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The address.
    pub address: String,
    /// The type, as `aws_s3_bucket`.
    pub kind: String,
    /// Its attributes; blocks are lists.
    pub values: Value,
    /// Where it is declared.
    pub head: Span,
    /// Whether it comes from source, in which an attribute that is absent was not written.
    pub from_source: bool,
    /// The `count`, `for_each` or argument because of which no instance exists with the given values.
    pub disabled_at: Option<Span>,
}

/// The document of a data source that no other block reads.
#[derive(Clone, Debug)]
pub struct Document {
    /// The address of the data source.
    pub address: String,
    /// The type of the data source.
    pub data_type: String,
    /// The document.
    pub value: Value,
    /// As for a [`Resource`].
    pub disabled_at: Option<Span>,
}

/// An evaluated root module with everything below it.
#[derive(Clone, Debug, Default)]
pub struct EvaluatedRoot {
    /// Resources of the provider, module by module.
    pub resources: Vec<Resource>,
    /// Documents that nothing reads: a module that is not in the tree may use them.
    pub unused_documents: Vec<Document>,
}
