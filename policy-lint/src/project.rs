//! Everything one input says, before any rule has looked at it.
use std::cell::OnceCell;
use std::collections::HashMap;

use iam_policy::model::{Item, Policy, PolicyOrigin};
use iam_policy::{PolicyKind, reader};
use source_text::{Data, Member, SourceFiles, Span, Unknown, Value};
use terraform_eval::Resource;

use crate::reference_arns;

/// What was read from one raw file, one plan or one Terraform tree.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The files that spans point into.
    pub files: SourceFiles,
    /// The plan or state that was read, whose parts may have their places in the source beside it.
    pub input: Option<u32>,
    /// The policies.
    pub policies: Vec<Policy>,
    /// Policies of what does not exist with the values that were given, and where that is said; only their text is
    /// judged.
    pub disabled: Vec<(Policy, Span)>,
    /// Every resource, with what is known of it.
    pub resources: Vec<Resource>,
    /// Policies attached by ARN.
    pub attachments: Vec<Attachment>,
    /// Places where a policy should be and none can be read.
    pub broken: Vec<BrokenPolicy>,
    /// Values that only a plan or an apply can know.
    pub unresolved: Vec<Unresolved>,
    /// Where each address is among the resources, found when it is asked for first.
    pub(crate) addresses: OnceCell<HashMap<String, usize>>,
}

impl Project {
    /// Adds the policy of a document, in every way that it can be read.
    pub fn add(
        &mut self,
        root: Value,
        kind: PolicyKind,
        address: String,
        origin: PolicyOrigin,
        disabled_at: Option<Span>,
    ) {
        let root = if disabled_at.is_some() { wanted(root) } else { root };
        let policy = |root: Value| read_policy(root, kind, Some(address.clone()), origin.clone());
        let mut branch_points = Vec::new();
        root.collect_branch_points(&mut branch_points);
        let known = |root: &Value| !root.is_unknown() && !matches!(root.data, Data::Null);
        let mut alternatives: Vec<Policy> = match root.alternatives() {
            1 => vec![policy(if root.candidates().is_empty() { root } else { root.alternative(0) })],
            alternatives => {
                (0..alternatives).map(|number| root.alternative(number)).filter(known).map(policy).collect()
            }
        };
        if alternatives.is_empty() {
            return;
        }
        let first = Policy { branch_points, ..alternatives.remove(0) };
        let first = Policy { alternatives, ..first };
        match disabled_at {
            None => self.policies.push(first),
            Some(disabled_at) => self.disabled.push((first, disabled_at)),
        }
    }

    /// In how many ways its policies can be read.
    pub fn alternatives(&self) -> usize {
        self.policies
            .iter()
            .chain(self.disabled.iter().map(|(p, _)| p))
            .map(|p| p.alternatives.len() + 1)
            .max()
            .unwrap_or(1)
    }

    /// The same with its policies read in one way.
    pub fn alternative(&self, number: usize) -> Project {
        let alternative = |policy: &Policy| match number % (policy.alternatives.len() + 1) {
            0 => policy.clone(),
            other => policy.alternatives[other - 1].clone(),
        };
        let policies = self.policies.iter().map(alternative).collect();
        Project {
            policies,
            disabled: self.disabled.iter().map(|(p, span)| (alternative(p), *span)).collect(),
            ..self.clone()
        }
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

/// A policy attached by ARN.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The Terraform address of what attaches.
    pub address: String,
    /// The ARN.
    pub arn: Item,
    /// The attribute.
    pub origin: PolicyOrigin,
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
pub struct Unresolved {
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
        Data::Null => Data::Unknown(Box::new(Unknown::plain("value"))),
        Data::String(text) if text.raw().is_empty() => Data::Unknown(Box::new(Unknown::plain("value"))),
        Data::Array(elements) if elements.is_empty() => Data::Unknown(Box::new(Unknown::plain("value"))),
        Data::Array(elements) => Data::Array(elements.into_iter().map(wanted).collect()),
        Data::Object(members) => {
            Data::Object(members.into_iter().map(|m| Member { value: wanted(m.value.clone()), ..m }).collect())
        }
        other => other,
    };
    Value::new(data, value.span)
}

/// The policy in a document that Terraform made or that stands by itself.
pub(crate) fn read_policy(root: Value, kind: PolicyKind, address: Option<String>, origin: PolicyOrigin) -> Policy {
    reader::policy(root, kind, address, origin, &reference_arns::is_arn)
}
