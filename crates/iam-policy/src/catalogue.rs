//! Every AWS service, action, resource type and condition key. Nothing is loaded at start.
//!
//! `build.rs` packs the tables from `catalogue/*.txt`. Names are found in any case, as IAM does.
use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use crate::pattern;

mod cache;
mod table;

use cache::Cache;
use table::{Table, list, list_length, string};

/// The date on which the source of the catalogue was published, `YYYY-MM-DD`.
pub const DATE: &str = env!("CATALOGUE_DATE");

static SERVICES: Table<7> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/services.bin")));
static ACTIONS: Table<6> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/actions.bin")));
static RESOURCES: Table<4> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/resources.bin")));
static KEYS: Table<3> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/keys.bin")));
static RETIRED: Table<1> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/retired.bin")));

const REQUIRED: u32 = 1 << 31;

/// Compares names in any ASCII case.
pub fn compare_any_case(a: &str, b: &str) -> Ordering {
    a.bytes().map(|c| c.to_ascii_lowercase()).cmp(b.bytes().map(|c| c.to_ascii_lowercase()))
}

/// Condition keys sort with the first colon before every other character.
fn compare_keys(a: &str, b: &str) -> Ordering {
    fn folded(key: &str) -> impl Iterator<Item = u8> {
        let mut in_prefix = true;
        key.bytes().map(move |b| match b {
            b':' if std::mem::take(&mut in_prefix) => 1,
            _ => b.to_ascii_lowercase(),
        })
    }
    folded(a).cmp(folded(b))
}

/// The access level of an action, as AWS classifies it, from the least to the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessLevel {
    /// Lists resources.
    List,
    /// Reads content or settings.
    Read,
    /// Changes only tags.
    Tagging,
    /// Creates, changes or deletes.
    Write,
    /// Changes who has access.
    Permissions,
}

impl AccessLevel {
    /// The name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            AccessLevel::List => "list",
            AccessLevel::Read => "read",
            AccessLevel::Tagging => "tagging",
            AccessLevel::Write => "write",
            AccessLevel::Permissions => "permissions management",
        }
    }
}

/// A service, known by the prefix of its actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service(u32);

impl Service {
    /// Finds a service by its prefix, in any case.
    pub fn find(prefix: &str) -> Option<Service> {
        SERVICES.find(0, SERVICES.rows(), |name| compare_any_case(name, prefix)).map(Service)
    }

    /// Every service.
    pub fn all() -> impl Iterator<Item = Service> {
        (0..SERVICES.rows()).map(Service)
    }

    /// The prefix of its actions, as in `s3`.
    #[inline]
    pub fn prefix(self) -> &'static str {
        string(SERVICES.get(self.0, 0))
    }

    /// The name of the product, as in `Amazon S3`.
    #[inline]
    pub fn title(self) -> &'static str {
        string(SERVICES.get(self.0, 1))
    }

    /// Whether resource control policies apply to it.
    pub fn in_resource_control(self) -> bool {
        SERVICES.get(self.0, 6) == 1
    }

    /// Its actions, sorted by name.
    #[inline]
    pub fn actions(self) -> impl Iterator<Item = Action> + Clone {
        (SERVICES.get(self.0, 2)..SERVICES.get(self.0, 3)).map(Action)
    }

    /// The action with a name, in any case.
    pub fn action(self, name: &str) -> Option<Action> {
        let (first, end) = (SERVICES.get(self.0, 2), SERVICES.get(self.0, 3));
        ACTIONS.find(first, end, |candidate| compare_any_case(candidate, name)).map(Action)
    }

    /// The actions whose names match an IAM pattern, as `Get*`.
    pub fn matching(self, glob: &str) -> impl Iterator<Item = Action> {
        let literal = &glob[..glob.find(['*', '?']).unwrap_or(glob.len())];
        let (first, end) = (SERVICES.get(self.0, 2), SERVICES.get(self.0, 3));
        let (mut low, mut high) = (first, end);
        while low < high {
            let middle = low + (high - low) / 2;
            match compare_any_case(string(ACTIONS.get(middle, 0)), literal) {
                Ordering::Less => low = middle + 1,
                _ => high = middle,
            }
        }
        let begins = move |a: &Action| a.name().get(..literal.len()).is_some_and(|n| n.eq_ignore_ascii_case(literal));
        let found = (low..end).map(Action).take_while(begins);
        found.filter(move |a| pattern::matches_any_case(glob, a.name()))
    }

    /// Its resource types.
    #[inline]
    pub fn resources(self) -> impl Iterator<Item = ResourceType> {
        (SERVICES.get(self.0, 4)..SERVICES.get(self.0, 5)).map(ResourceType)
    }
}

/// One action of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action(u32);

impl Action {
    /// Finds an action by `service:Name`, in any case.
    pub fn find(name: &str) -> Option<Action> {
        let (prefix, name) = name.split_once(':')?;
        Service::find(prefix)?.action(name)
    }

    /// Its name without the service.
    #[inline]
    pub fn name(self) -> &'static str {
        string(ACTIONS.get(self.0, 0))
    }

    /// Its service.
    #[inline]
    pub fn service(self) -> Service {
        Service(ACTIONS.get(self.0, 5))
    }

    /// `service:Name`, as AWS writes it.
    pub fn full_name(self) -> String {
        format!("{}:{}", self.service().prefix(), self.name())
    }

    /// Whether it is one of those of these full names, as AWS writes them.
    #[inline]
    pub fn is_one_of(self, names: &[&str]) -> bool {
        let (prefix, name) = (self.service().prefix(), self.name());
        names.iter().any(|n| n.strip_prefix(prefix).and_then(|n| n.strip_prefix(':')) == Some(name))
    }

    /// Its access level.
    #[inline]
    pub fn level(self) -> AccessLevel {
        match ACTIONS.get(self.0, 1) {
            0 => AccessLevel::List,
            1 => AccessLevel::Read,
            2 => AccessLevel::Tagging,
            3 => AccessLevel::Write,
            _ => AccessLevel::Permissions,
        }
    }

    /// The resource types it can be restricted to; none if it requires `*`.
    #[inline]
    pub fn resources(self) -> impl Iterator<Item = ResourceType> {
        list(ACTIONS.get(self.0, 2)).map(|n| ResourceType(n & !REQUIRED))
    }

    /// Whether it can be restricted to a resource.
    #[inline]
    pub fn restrictable(self) -> bool {
        list_length(ACTIONS.get(self.0, 2)) > 0
    }

    /// The condition keys of its requests, without the global ones.
    #[inline]
    pub fn keys(self) -> impl Iterator<Item = ConditionKey> {
        list(ACTIONS.get(self.0, 3)).map(ConditionKey)
    }

    /// Other actions that the caller needs permission for.
    pub fn dependents(self) -> impl Iterator<Item = Action> {
        list(ACTIONS.get(self.0, 4)).map(Action)
    }
}

/// A type of resource that an action works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceType(u32);

impl ResourceType {
    /// Its name within the service, as in `bucket`.
    #[inline]
    pub fn name(self) -> &'static str {
        string(RESOURCES.get(self.0, 0))
    }

    /// Its ARN with placeholders, as in `arn:${Partition}:s3:::${BucketName}`.
    pub fn arn(self) -> &'static str {
        string(RESOURCES.get(self.0, 1))
    }

    /// The pattern of all its ARNs, as in `arn:*:s3:::*`.
    #[inline]
    pub fn pattern(self) -> &'static str {
        string(RESOURCES.get(self.0, 3))
    }

    /// Condition keys that belong to it.
    #[inline]
    pub fn keys(self) -> impl Iterator<Item = ConditionKey> {
        list(RESOURCES.get(self.0, 2)).map(ConditionKey)
    }
}

/// A condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionKey(u32);

impl ConditionKey {
    /// Finds a condition key in any case; a key with a variable part (`aws:RequestTag/team`) finds its family.
    pub fn find(name: &str) -> Option<ConditionKey> {
        KEYS_FOUND.with_borrow_mut(|cache| cache.get_or_insert(name, || ConditionKey::search(name)))
    }

    /// The same without the cache.
    fn search(name: &str) -> Option<ConditionKey> {
        let exact = |name: &str| KEYS.find(0, KEYS.rows(), |k| compare_keys(k, name)).map(ConditionKey);
        exact(name)
            .or_else(|| {
                let family = name.split_once('/').map(|(head, _)| format!("{head}/*"));
                family.and_then(|f| exact(&f))
            })
            .or_else(|| {
                let (head, _) = name.match_indices(':').nth(1).map(|(at, _)| name.split_at(at))?;
                exact(&format!("{head}:*"))
            })
    }

    /// Every condition key.
    pub fn all() -> impl Iterator<Item = ConditionKey> {
        (0..KEYS.rows()).map(ConditionKey)
    }

    /// Its name as AWS writes it, with `*` for a variable part.
    #[inline]
    pub fn name(self) -> &'static str {
        string(KEYS.get(self.0, 0))
    }

    /// Its type as AWS names it: `String`, `ArrayOfString`, `ARN`, `Bool`, `Numeric`, `Date`, `IPAddress`, ….
    #[inline]
    pub fn kind(self) -> &'static str {
        string(KEYS.get(self.0, 1))
    }

    /// Whether requests to every service can have it.
    #[inline]
    pub fn is_global(self) -> bool {
        KEYS.get(self.0, 2) == 1
    }
}

thread_local! {
    /// The actions of patterns: most policies use the same few.
    static EXPANDED: RefCell<Cache<Rc<[Action]>>> = RefCell::default();
    /// The keys of names: every rule about conditions looks up the same ones.
    static KEYS_FOUND: RefCell<Cache<Option<ConditionKey>>> = RefCell::default();
}

/// The actions that match a pattern `service:Name`; none if there is no such service.
pub fn expand(pattern: &str) -> Rc<[Action]> {
    let find = || {
        let split = pattern.split_once(':').and_then(|(prefix, name)| Some((Service::find(prefix)?, name)));
        split.into_iter().flat_map(|(service, name)| service.matching(name)).collect()
    };
    EXPANDED.with_borrow_mut(|cache| cache.get_or_insert(pattern, find))
}

/// AWS managed policies that grant much, by name, and what each one grants.
pub fn broad_managed_policies() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../catalogue/managed.txt").lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('\t'))
}

/// The ARN of an AWS managed policy that is listed in [`broad_managed_policies`].
pub fn managed_policy_arn(name: &str) -> Option<String> {
    broad_managed_policies().any(|(listed, _)| listed == name).then(|| format!("arn:aws:iam::aws:policy/{name}"))
}

/// Whether `service:Name` was an action once, or is one that AWS uses and does not list.
pub fn is_retired(name: &str) -> bool {
    let find = |name: &str| RETIRED.find(0, RETIRED.rows(), |n| compare_any_case(n, name)).is_some();
    let whole_service = |prefix: &str| find(&format!("{prefix}:*"));
    find(name) || name.split_once(':').is_some_and(|(prefix, _)| whole_service(prefix))
}

/// Whether a service prefix is only known from actions that are no longer listed.
pub fn is_retired_service(prefix: &str) -> bool {
    (0..RETIRED.rows()).any(|row| {
        let name = string(RETIRED.get(row, 0));
        name.split_once(':').is_some_and(|(p, _)| p.eq_ignore_ascii_case(prefix))
    })
}

#[cfg(test)]
mod tests;
