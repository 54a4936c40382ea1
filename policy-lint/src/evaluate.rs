//! What policies grant: actions by patterns, denials, and who holds which policies.
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::arn;
use crate::model::{Kind, Policy, Statement};
use crate::pattern;
use crate::project::{Project, Resource};
use crate::value::{Data, Text, Value};

/// Whether a pattern of actions stands for the action `service:Name`.
pub fn matches_action(pattern: &str, action: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    pattern::matches_any_case(pattern, action)
}

/// Whether a statement speaks about an action.
pub fn speaks_of(statement: &Statement, action: &str) -> bool {
    let Some(actions) = &statement.actions else { return false };
    let listed = actions.items.iter().any(|i| matches_action(i.raw(), action));
    listed != actions.negated
}

/// Whether a statement covers every resource of an account: `*`, or an ARN with only wildcards for the name.
pub fn is_boundless(statement: &Statement) -> bool {
    let Some(resources) = &statement.resources else { return false };
    if resources.negated {
        return true;
    }
    resources.items.iter().any(|item| {
        let raw = item.raw();
        let tail = arn::Arn::parse(raw).map(|a| a.resource.rsplit(['/', ':']).next().unwrap_or_default());
        arn::is_everything(raw) || tail.is_some_and(arn::is_everything)
    })
}

/// Somebody with every policy that is attached to them.
pub struct Identity<'a> {
    /// The address of the role, user or group; of the policy itself where nothing is attached.
    pub name: String,
    /// The policies.
    pub policies: Vec<&'a Policy>,
    /// The permissions boundary, where it is one of the policies here.
    pub boundary: Option<&'a Policy>,
    /// Whether there is a boundary that is not here.
    pub unknown_boundary: bool,
    /// The statements that allow something on whatever it likes, without a condition.
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
        let is_open = |s: &Statement| s.allows() && !s.is_conditional() && is_boundless(s);
        self.open.get_or_init(|| self.statements().filter(|(_, s)| is_open(s)).collect())
    }

    /// The statement that lets it use an action on whatever it likes, without a condition, and is not denied.
    pub fn unbounded(&self, action: &str) -> Option<(&Policy, &Statement)> {
        let granted = self.open().iter().find(|(_, s)| speaks_of(s, action))?;
        let denied = self
            .statements()
            .any(|(_, s)| s.denies() && !s.is_conditional() && speaks_of(s, action) && is_boundless(s));
        let bounded = self.boundary.is_some_and(|b| !b.statements.iter().any(|s| s.allows() && speaks_of(s, action)));
        let forbidden = self
            .boundary
            .is_some_and(|b| b.statements.iter().any(|s| s.denies() && !s.is_conditional() && speaks_of(s, action)));
        (!denied && !bounded && !forbidden && !self.unknown_boundary).then_some(*granted)
    }

    /// Whether some statement allows an action at all.
    pub fn allows(&self, action: &str) -> bool {
        self.policies.iter().flat_map(|p| &p.statements).any(|s| s.allows() && speaks_of(s, action))
    }
}

/// Whether a value names a resource: by its address, or by the value of one of its attributes.
pub fn names(value: &Value, resource: &Resource, attributes: &[&str]) -> bool {
    let referenced = |reference: &str| {
        let address = resource.address.split('[').next().unwrap_or_default();
        arn::split_reference(reference).is_some_and(|(a, _, _)| a == address)
    };
    match &value.data {
        Data::Unknown(hole) => hole.reference.as_deref().is_some_and(referenced),
        Data::String(text) if !text.is_known() => {
            let whole = text.holes().len() == 1 && text.raw().chars().count() == 1;
            let same = |other: &Text| other.raw() == text.raw() && other.holes() == text.holes();
            whole && text.holes()[0].reference.as_deref().is_some_and(referenced)
                || !whole
                    && attributes.iter().any(|a| resource.values.get(a).and_then(Value::as_text).is_some_and(same))
        }
        Data::String(text) => {
            attributes.iter().any(|a| resource.values.get(a).and_then(Value::as_str) == Some(text.raw()))
        }
        _ => false,
    }
}

fn boundary(person: &Resource) -> Option<&Value> {
    person.values.get("permissions_boundary").filter(|v| !matches!(v.data, Data::Null))
}

/// Everybody in a project with their identity policies; a policy nobody holds here stands alone.
pub fn identities(project: &Project) -> Vec<Identity<'_>> {
    let mut held: BTreeMap<usize, Vec<&Policy>> = BTreeMap::new();
    let mut alone = Vec::new();
    let is_identity = |r: &Resource| matches!(r.kind.as_str(), "aws_iam_role" | "aws_iam_user" | "aws_iam_group");
    let people: Vec<&Resource> = project.resources.iter().filter(|r| is_identity(r)).collect();
    for policy in project.policies.iter().filter(|p| p.kind == Kind::Identity) {
        let holders = holders(policy, &people, project);
        if holders.is_empty() {
            alone.push(policy);
        }
        holders.into_iter().for_each(|h| held.entry(h).or_default().push(policy));
    }
    let mut found: Vec<Identity<'_>> = Vec::new();
    for (at, policies) in held {
        let bound = boundary(people[at]);
        let own = bound.and_then(|v| project.policies.iter().find(|p| is_policy(v, p, project)));
        let name = people[at].address.clone();
        let unknown_boundary = bound.is_some() && own.is_none();
        found.push(Identity { boundary: own, unknown_boundary, ..Identity::new(name, policies) });
    }
    for policy in alone.into_iter().filter(|p| !is_boundary(p, &people, project)) {
        let name = policy.address.clone().unwrap_or_default();
        found.push(Identity::new(name, vec![policy]));
    }
    found
}

fn is_boundary(policy: &Policy, people: &[&Resource], project: &Project) -> bool {
    people.iter().filter_map(|r| boundary(r)).any(|v| is_policy(v, policy, project))
}

/// The addresses of policies that only bound what others grant: boundaries that nobody holds as a policy too.
pub fn boundaries(project: &Project) -> BTreeSet<&str> {
    let is_person = |r: &&Resource| matches!(r.kind.as_str(), "aws_iam_role" | "aws_iam_user");
    let people: Vec<&Resource> = project.resources.iter().filter(is_person).collect();
    if people.iter().all(|p| boundary(p).is_none()) {
        return BTreeSet::new();
    }
    let policies = project.policies.iter().filter(|p| p.kind == Kind::Identity);
    let bounding = policies.filter(|p| is_boundary(p, &people, project) && holders(p, &people, project).is_empty());
    bounding.filter_map(|p| p.address.as_deref()).collect()
}

fn is_policy(value: &Value, policy: &Policy, project: &Project) -> bool {
    let resource = project.resources.iter().find(|r| Some(&r.address) == policy.address.as_ref());
    resource.is_some_and(|r| r.kind == "aws_iam_policy" && names(value, r, &["arn"]))
}

/// The numbers of those who hold a policy.
fn holders(policy: &Policy, people: &[&Resource], project: &Project) -> Vec<usize> {
    let Some(own) = project.resources.iter().find(|r| Some(&r.address) == policy.address.as_ref()) else {
        return Vec::new();
    };
    let holder = |value: &Value| people.iter().position(|p| names(value, p, &["name"]));
    let attribute = |resource: &Resource, key: &str| resource.values.get(key).and_then(holder);
    match own.kind.as_str() {
        "aws_iam_role" => people.iter().position(|p| p.address == own.address).into_iter().collect(),
        "aws_iam_role_policy" => attribute(own, "role").into_iter().collect(),
        "aws_iam_user_policy" => attribute(own, "user").into_iter().collect(),
        "aws_iam_group_policy" => attribute(own, "group").into_iter().collect(),
        "aws_iam_policy" => {
            let attached = project.resources.iter().filter(|r| {
                r.kind.ends_with("_policy_attachment")
                    && r.values.get("policy_arn").is_some_and(|v| names(v, own, &["arn"]))
            });
            attached.flat_map(|r| ["role", "user", "group"].into_iter().filter_map(move |k| attribute(r, k))).collect()
        }
        _ => Vec::new(),
    }
}
