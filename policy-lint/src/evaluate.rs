//! What policies grant: actions by patterns, denials, and who holds which policies.
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::arn;
use crate::model::{Kind, Policy, Statement};
use crate::parse::carriers;
use crate::pattern;
use crate::project::{Project, Resource};
use crate::value::{Data, Hole, Text, Value};

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
        arn::split_reference(reference).is_some_and(|(a, _, _)| arn::same_resource(a, &resource.address))
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

/// Whether a value names a resource for all that is known here: not where it says another one. Whoever complains of
/// something that is missing asks this, for what only an apply can tell may be it.
pub fn may_name(value: Option<&Value>, resource: &Resource, attributes: &[&str]) -> bool {
    let Some(value) = value else { return true };
    if names(value, resource, attributes) {
        return true;
    }
    let other = |hole: &Hole| {
        let referred = hole.reference.as_deref().and_then(arn::split_reference);
        referred.is_some_and(|(address, kind, _)| kind == resource.kind && !address.contains("data."))
    };
    match &value.data {
        Data::Unknown(hole) => !other(hole),
        Data::String(text) if text.raw().chars().eq([pattern::HOLE]) => !text.holes().iter().any(other),
        Data::String(text) => {
            let given =
                |keys: &[&str]| keys.iter().filter_map(|k| resource.values.get(k)?.as_text()).collect::<Vec<_>>();
            let (own, named) = (given(attributes), given(&["name", "bucket", "function_name"]));
            match (own.as_slice(), named.first()) {
                ([], Some(name)) => pattern::overlaps(text.raw(), &format!("*{}", name.raw())),
                ([], None) => true,
                (own, _) => own.iter().any(|o| pattern::overlaps(text.raw(), o.raw())),
            }
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

/// Whether somebody has policies, or may have, that cannot be read here; of a policy that nobody is known to hold,
/// whether somebody with more may hold it.
pub fn has_unread(project: &Project, holder: &Resource) -> bool {
    let kind = match holder.kind.strip_prefix("aws_iam_") {
        Some(kind @ ("role" | "user" | "group")) => kind,
        _ => return may_be_held(project, holder),
    };
    let sure = |r: &Resource| {
        let read = |r: &Resource| project.policies.iter().any(|p| p.address.as_ref() == Some(&r.address));
        let attached = |arn: &Value| project.of_kind("aws_iam_policy").any(|p| names(arn, p, &["arn"]) && read(p));
        let ours = r.values.get(kind).is_some_and(|v| names(v, holder, &["name"]));
        ours && r.values.get("policy_arn").map_or_else(|| read(r), attached)
    };
    let is_ours = |v: &Value| may_name(Some(v), holder, &["name"]);
    let speaks_of_it = |r: &&Resource| {
        let many = r.values.get(&format!("{kind}s"));
        let one = r.values.get(kind).or_else(|| r.values.get(&format!("{kind}_name")));
        one.is_some_and(is_ours) || many.is_some_and(|v| v.is_unknown() || v.elements().iter().any(is_ours))
    };
    let gives = |r: &&Resource| r.kind.starts_with("aws_iam_") && r.kind.contains("_policy");
    let inline = carriers::attribute_values(&holder.values, "inline_policy.policy");
    project.resources.iter().filter(gives).filter(speaks_of_it).any(|r| !sure(r))
        || project.attachments.iter().any(|a| a.address == holder.address)
        || inline.into_iter().chain(holder.values.get("managed_policy_arns")).any(Value::is_unknown)
}

fn may_be_held(project: &Project, policy: &Resource) -> bool {
    let open = |r: &Resource| r.values.get("policy_arn").is_some_and(|v| may_name(Some(v), policy, &["arn"]));
    ["role", "user", "group"].iter().any(|k| policy.values.get(k).is_some_and(Value::is_unknown))
        || policy.kind == "aws_iam_policy" && project.resources.iter().any(open)
}
