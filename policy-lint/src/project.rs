//! Everything one input says, before any rule has looked at it.
use std::cell::OnceCell;
use std::collections::HashMap;

use crate::model::{Carrier, Item, Kind, Policy, read};
use crate::source::{Files, Span};
use crate::value::{Data, Hole, Member, Value};

/// What was read from one raw file, one plan or one Terraform tree.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The files that spans point into.
    pub files: Files,
    /// The plan or state that was read, whose parts may have their places in the source beside it.
    pub input: Option<u32>,
    /// The policies.
    pub policies: Vec<Policy>,
    /// Policies of what does not exist with the values that were given, and where that is said; only their text is
    /// judged.
    pub off: Vec<(Policy, Span)>,
    /// Every resource, with what is known of it.
    pub resources: Vec<Resource>,
    /// Policies attached by ARN.
    pub attachments: Vec<Attachment>,
    /// Places where a policy should be and none can be read.
    pub broken: Vec<BrokenPolicy>,
    /// Values that only a plan or an apply can know.
    pub unknowns: Vec<Unknown>,
    /// Where each address is among the resources, found when it is asked for first.
    pub(crate) addresses: OnceCell<HashMap<String, usize>>,
}

impl Project {
    /// Adds the policy of a document, in every way that it can be read.
    pub fn add(&mut self, root: Value, kind: Kind, address: String, carrier: Carrier, off: Option<Span>) {
        let root = if off.is_some() { wanted(root) } else { root };
        let policy = |root: Value| read::policy(root, kind, Some(address.clone()), carrier.clone());
        let mut choices = Vec::new();
        root.open_choices(&mut choices);
        let known = |root: &Value| !root.is_unknown() && !matches!(root.data, Data::Null);
        let mut ways: Vec<Policy> = match root.ways() {
            1 => vec![policy(if root.choices().is_empty() { root } else { root.way(0) })],
            ways => (0..ways).map(|number| root.way(number)).filter(known).map(policy).collect(),
        };
        if ways.is_empty() {
            return;
        }
        let first = Policy { choices, ..ways.remove(0) };
        let first = Policy { ways, ..first };
        match off {
            None => self.policies.push(first),
            Some(off) => self.off.push((first, off)),
        }
    }

    /// In how many ways its policies can be read.
    pub fn ways(&self) -> usize {
        self.policies.iter().chain(self.off.iter().map(|(p, _)| p)).map(|p| p.ways.len() + 1).max().unwrap_or(1)
    }

    /// The same with its policies read in one way.
    pub fn way(&self, number: usize) -> Project {
        let way = |policy: &Policy| match number % (policy.ways.len() + 1) {
            0 => policy.clone(),
            other => policy.ways[other - 1].clone(),
        };
        let policies = self.policies.iter().map(way).collect();
        Project { policies, off: self.off.iter().map(|(p, span)| (way(p), *span)).collect(), ..self.clone() }
    }

    /// The resource of an address; only sensible when all are there.
    pub fn resource(&self, address: &str) -> Option<&Resource> {
        let addresses = self.addresses.get_or_init(|| {
            let each = self.resources.iter().enumerate().rev();
            each.map(|(number, resource)| (resource.address.clone(), number)).collect()
        });
        addresses.get(address).and_then(|&number| self.resources.get(number))
    }

    /// The resource that carries a policy.
    pub fn owner(&self, policy: &Policy) -> Option<&Resource> {
        self.resource(policy.address.as_deref()?)
    }

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
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The Terraform address of what attaches.
    pub address: String,
    /// The ARN.
    pub arn: Item,
    /// The attribute.
    pub carrier: Carrier,
}

/// A policy document that cannot be read.
#[derive(Clone, Debug)]
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

/// A document with everything in it unknown that is empty because what it is of is not wanted.
fn wanted(value: Value) -> Value {
    let data = match value.data {
        Data::Null => Data::Unknown(Box::new(Hole::plain("value"))),
        Data::String(text) if text.raw().is_empty() => Data::Unknown(Box::new(Hole::plain("value"))),
        Data::Array(elements) if elements.is_empty() => Data::Unknown(Box::new(Hole::plain("value"))),
        Data::Array(elements) => Data::Array(elements.into_iter().map(wanted).collect()),
        Data::Object(members) => {
            Data::Object(members.into_iter().map(|m| Member { value: wanted(m.value.clone()), ..m }).collect())
        }
        other => other,
    };
    Value::new(data, value.span)
}
