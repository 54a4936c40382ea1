//! The input of the rules: policies, resources and what could not be read.
use std::cell::OnceCell;
use std::collections::HashMap;

use iam_policy::model::{Item, Policy, PolicyOrigin};
use iam_policy::{PolicyKind, reader};
use source_text::{Data, Member, SourceFiles, Span, Unknown, Value};
use terraform_eval::Resource;

use crate::reference_arns;

/// What was read from a policy file, a plan or a Terraform root module.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The files that spans point into.
    pub files: SourceFiles,
    /// The number of the plan or state that was read, if spans can point into its source instead.
    pub input: Option<u32>,
    /// Its policies.
    pub policies: Vec<Policy>,
    /// Policies of resources that do not exist with the given values, and the expression that disables them. Only rules about
    /// single policies check them.
    pub disabled: Vec<(Policy, Span)>,
    /// Every resource.
    pub resources: Vec<Resource>,
    /// Policies attached by ARN.
    pub attachments: Vec<Attachment>,
    /// Policy documents that cannot be read.
    pub broken: Vec<BrokenPolicy>,
    /// Values that only a plan or an apply determines.
    pub unresolved: Vec<Unresolved>,
    /// The index of each address in `resources`, built on first use.
    pub(crate) addresses: OnceCell<HashMap<String, usize>>,
}

impl Project {
    /// Adds the policy of a document, with one policy per alternative.
    pub fn add(
        &mut self,
        root: Value,
        kind: PolicyKind,
        address: String,
        origin: PolicyOrigin,
        disabled_at: Option<Span>,
    ) {
        let root = if disabled_at.is_some() { disabled_as_unknown(root) } else { root };
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
        let first = alternatives.remove(0);
        let policy = Policy { branch_points, alternatives, ..first };
        match disabled_at {
            None => self.policies.push(policy),
            Some(disabled_at) => self.disabled.push((policy, disabled_at)),
        }
    }

    /// The largest number of alternatives of a policy.
    pub fn alternatives(&self) -> usize {
        self.policies
            .iter()
            .chain(self.disabled.iter().map(|(p, _)| p))
            .map(|p| p.alternatives.len() + 1)
            .max()
            .unwrap_or(1)
    }

    /// The project with one alternative of each policy.
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

    /// The resource with an address. Call it after all resources were added.
    pub fn resource(&self, address: &str) -> Option<&Resource> {
        let addresses = self.addresses.get_or_init(|| {
            let each = self.resources.iter().enumerate().rev();
            each.map(|(number, resource)| (resource.address.clone(), number)).collect()
        });
        addresses.get(address).and_then(|&number| self.resources.get(number))
    }

    /// The resource that holds a policy.
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
    /// The address of the resource that attaches it.
    pub address: String,
    /// The ARN.
    pub arn: Item,
    /// The attribute.
    pub origin: PolicyOrigin,
}

/// A policy document that cannot be read.
#[derive(Clone, Debug)]
pub struct BrokenPolicy {
    /// Where it is.
    pub span: Span,
    /// The address of the resource that holds it.
    pub address: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub help: String,
}

/// A value that the input does not determine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// Where it is.
    pub span: Span,
    /// The expression or attribute.
    pub what: String,
    /// Why it is unknown.
    pub why: String,
}

/// The document of a disabled resource: what is empty or null in it is unknown.
fn disabled_as_unknown(value: Value) -> Value {
    let data = match value.data {
        Data::Null => Data::Unknown(Box::new(Unknown::plain("value"))),
        Data::String(text) if text.raw().is_empty() => Data::Unknown(Box::new(Unknown::plain("value"))),
        Data::Array(elements) if elements.is_empty() => Data::Unknown(Box::new(Unknown::plain("value"))),
        Data::Array(elements) => Data::Array(elements.into_iter().map(disabled_as_unknown).collect()),
        Data::Object(members) => Data::Object(
            members.into_iter().map(|m| Member { value: disabled_as_unknown(m.value.clone()), ..m }).collect(),
        ),
        other => other,
    };
    Value::new(data, value.span)
}

/// Reads a policy document.
pub(crate) fn read_policy(root: Value, kind: PolicyKind, address: Option<String>, origin: PolicyOrigin) -> Policy {
    reader::policy(root, kind, address, origin, &reference_arns::is_arn)
}
