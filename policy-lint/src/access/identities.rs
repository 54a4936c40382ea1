//! Identities with their policies and permissions boundaries.
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use iam_policy::PolicyKind;
use iam_policy::model::{Policy, Statement};
use source_text::{Data, Value};
use terraform_eval::Resource;

use super::resource_index::ResourceIndex;
use crate::project::Project;

/// A role, user or group with all its policies; or a policy without a known holder.
pub(crate) struct Identity<'a> {
    /// The address of the role, user or group; of the policy if it has no holder.
    pub name: String,
    /// Its policies.
    pub policies: Vec<&'a Policy>,
    /// Its permissions boundary, if that is a policy of the project.
    pub boundary: Option<&'a Policy>,
    /// Whether it has a boundary that is not in the project.
    pub unknown_boundary: bool,
    /// The statements that allow actions on every resource without a condition.
    open: OnceCell<Vec<(&'a Policy, &'a Statement)>>,
}

impl<'a> Identity<'a> {
    fn new(name: String, policies: Vec<&'a Policy>) -> Identity<'a> {
        Identity { name, policies, boundary: None, unknown_boundary: false, open: OnceCell::new() }
    }

    fn statements(&self) -> impl Iterator<Item = (&'a Policy, &'a Statement)> {
        self.policies.iter().flat_map(|p| p.statements.iter().map(move |s| (*p, s)))
    }

    fn open(&self) -> &[(&'a Policy, &'a Statement)] {
        let is_open = |s: &Statement| s.allows() && !s.is_conditional() && s.covers_all_resources();
        self.open.get_or_init(|| self.statements().filter(|(_, s)| is_open(s)).collect())
    }

    /// The statement that allows an action on every resource without a condition, unless that is denied.
    pub(crate) fn unbounded(&self, action: &str) -> Option<(&Policy, &Statement)> {
        let granted = self.open().iter().find(|(_, s)| s.applies_to_action(action))?;
        let denied = self
            .statements()
            .any(|(_, s)| s.denies() && !s.is_conditional() && s.applies_to_action(action) && s.covers_all_resources());
        let bounded =
            self.boundary.is_some_and(|b| !b.statements.iter().any(|s| s.allows() && s.applies_to_action(action)));
        let forbidden = self.boundary.is_some_and(|b| {
            b.statements.iter().any(|s| s.denies() && !s.is_conditional() && s.applies_to_action(action))
        });
        (!denied && !bounded && !forbidden && !self.unknown_boundary).then_some(*granted)
    }

    /// Whether a statement allows an action on any resource.
    pub(crate) fn allows(&self, action: &str) -> bool {
        self.policies.iter().flat_map(|p| &p.statements).any(|s| s.allows() && s.applies_to_action(action))
    }
}

fn boundary(person: &Resource) -> Option<&Value> {
    person.values.get("permissions_boundary").filter(|v| !matches!(v.data, Data::Null))
}

/// Roles, users and groups, and the policies that can be attached to them.
struct IdentityIndex<'a> {
    index: ResourceIndex<'a>,
    /// The holders of each managed policy, by its address.
    attached: HashMap<&'a str, Vec<usize>>,
    /// The managed policies.
    managed: ResourceIndex<'a>,
}

impl<'a> IdentityIndex<'a> {
    fn of(project: &'a Project) -> IdentityIndex<'a> {
        let is_person = |r: &&Resource| matches!(r.kind.as_str(), "aws_iam_role" | "aws_iam_user" | "aws_iam_group");
        let index = ResourceIndex::new(project.resources.iter().filter(is_person), &["name"]);
        let managed = ResourceIndex::new(project.of_kind("aws_iam_policy"), &["arn"]);
        let mut attached: HashMap<&str, Vec<usize>> = HashMap::new();
        for resource in project.resources.iter().filter(|r| r.kind.ends_with("_policy_attachment")) {
            let Some(policy) = resource.values.get("policy_arn") else { continue };
            let one = ["role", "user", "group"].into_iter().filter_map(|k| resource.values.get(k));
            let many = ["roles", "users", "groups"].into_iter().filter_map(|k| resource.values.get(k));
            let given = one.chain(many.flat_map(Value::elements));
            let holders: Vec<usize> = given.filter_map(|v| index.first(v)).collect();
            for own in managed.all(policy) {
                attached.entry(&managed.get(own).address).or_default().extend(&holders);
            }
        }
        IdentityIndex { index, attached, managed }
    }

    fn all(&self) -> &[&'a Resource] {
        self.index.resources()
    }

    /// The numbers of the holders of a policy.
    fn holders(&self, policy: &Policy, project: &Project) -> Vec<usize> {
        let Some(own) = project.owner(policy) else { return Vec::new() };
        let named = |key: &str| own.values.get(key).and_then(|v| self.index.first(v)).into_iter().collect();
        match own.kind.as_str() {
            "aws_iam_role" => self.index.at(&own.address).into_iter().collect(),
            "aws_iam_role_policy" => named("role"),
            "aws_iam_user_policy" => named("user"),
            "aws_iam_group_policy" => named("group"),
            "aws_iam_policy" => self.attached.get(own.address.as_str()).cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The addresses of the managed policies that are used as a boundary.
    fn bounding(&self) -> BTreeSet<&'a str> {
        let boundaries = self.all().iter().filter_map(|r| boundary(r));
        boundaries.flat_map(|v| self.managed.all(v)).map(|n| self.managed.get(n).address.as_str()).collect()
    }
}

/// The identities of a project with their policies, and each policy without a known holder by itself.
pub(crate) fn identities(project: &Project) -> Vec<Identity<'_>> {
    let identity_index = IdentityIndex::of(project);
    let mut held: BTreeMap<usize, Vec<&Policy>> = BTreeMap::new();
    let mut alone = Vec::new();
    let mut by_address: HashMap<&str, &Policy> = HashMap::new();
    for policy in &project.policies {
        by_address.entry(policy.address.as_deref().unwrap_or_default()).or_insert(policy);
    }
    for policy in project.policies.iter().filter(|p| p.kind == PolicyKind::Identity) {
        let holders = identity_index.holders(policy, project);
        if holders.is_empty() {
            alone.push(policy);
        }
        holders.into_iter().for_each(|h| held.entry(h).or_default().push(policy));
    }
    let mut found: Vec<Identity<'_>> = Vec::new();
    for (at, policies) in held {
        let person = identity_index.all()[at];
        let bound = boundary(person);
        let policy = |n| by_address.get(identity_index.managed.get(n).address.as_str()).copied();
        let own = bound.and_then(|v| identity_index.managed.all(v).into_iter().find_map(policy));
        let unknown_boundary = bound.is_some() && own.is_none();
        found.push(Identity { boundary: own, unknown_boundary, ..Identity::new(person.address.clone(), policies) });
    }
    let bounding = identity_index.bounding();
    for policy in alone.into_iter().filter(|p| !p.address.as_deref().is_some_and(|a| bounding.contains(a))) {
        let name = policy.address.clone().unwrap_or_default();
        found.push(Identity::new(name, vec![policy]));
    }
    found
}

/// The addresses of policies that are used as boundaries only.
pub(crate) fn boundaries(project: &Project) -> BTreeSet<&str> {
    let identity_index = IdentityIndex::of(project);
    let mut bounding = identity_index.bounding();
    bounding.retain(|a| identity_index.attached.get(a).is_none_or(Vec::is_empty));
    bounding
}
