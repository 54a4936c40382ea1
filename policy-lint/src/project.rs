//! Everything one input says, before any rule has looked at it.
use crate::model::{Carrier, Item, Policy};
use crate::source::{Files, Span};
use crate::value::Value;

/// What was read from one raw file, one plan or one Terraform tree.
#[derive(Debug, Default)]
pub struct Project {
    /// The files that spans point into.
    pub files: Files,
    /// The plan or state that was read, whose parts may have their places in the source beside it.
    pub input: Option<u32>,
    /// The policies.
    pub policies: Vec<Policy>,
    /// Every resource, with what is known of it.
    pub resources: Vec<Resource>,
    /// Policies attached by ARN.
    pub attachments: Vec<Attachment>,
    /// Places where a policy should be and none can be read.
    pub broken: Vec<BrokenPolicy>,
    /// Values that only a plan or an apply can know.
    pub unknowns: Vec<Unknown>,
}

impl Project {
    /// The resources of a type.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |r| r.kind == kind)
    }
}

/// A resource of a plan, a state or Terraform source.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The Terraform address.
    pub address: String,
    /// The type, as `aws_s3_bucket`.
    pub kind: String,
    /// Its attributes; blocks are lists.
    pub values: Value,
    /// Where it is declared.
    pub head: Span,
    /// Whether it comes from source, where an attribute that is absent was not written.
    pub from_source: bool,
}

/// A policy attached by ARN.
#[derive(Debug)]
pub struct Attachment {
    /// The Terraform address of what attaches.
    pub address: String,
    /// The ARN.
    pub arn: Item,
    /// The attribute.
    pub carrier: Carrier,
}

/// A policy document that cannot be read.
#[derive(Debug)]
pub struct BrokenPolicy {
    /// Where.
    pub span: Span,
    /// The Terraform address of what carries it.
    pub address: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub help: String,
}

/// A value that this input cannot tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// Where.
    pub span: Span,
    /// The expression or attribute.
    pub what: String,
    /// Why it is not known.
    pub why: String,
}
