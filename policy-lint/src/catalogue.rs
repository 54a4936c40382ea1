//! Every AWS service, action, resource type and condition key, looked up without loading.
//!
//! The tables are packed by `build.rs` from `catalogue/*.txt`; names are found in any case, as IAM does.
use std::cmp::Ordering;

use crate::pattern;

mod remembered;

pub use remembered::expand;

/// The day the catalogue's source was published, `YYYY-MM-DD`.
pub const DATE: &str = env!("CATALOGUE_DATE");

static STRINGS: &str = include_str!(concat!(env!("OUT_DIR"), "/strings.txt"));
static LISTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lists.bin"));
static SERVICES: Table<7> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/services.bin")));
static ACTIONS: Table<6> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/actions.bin")));
static RESOURCES: Table<4> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/resources.bin")));
static KEYS: Table<3> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/keys.bin")));
static RETIRED: Table<1> = Table(include_bytes!(concat!(env!("OUT_DIR"), "/retired.bin")));

const REQUIRED: u32 = 1 << 31;
/// Bits of a string's number that say how long it is; the others say where it begins.
const LENGTH_BITS: u32 = 9;

struct Table<const WIDTH: u32>(&'static [u8]);

impl<const WIDTH: u32> Table<WIDTH> {
    fn rows(&self) -> u32 {
        u32::try_from(self.0.len() / 4).unwrap_or(0) / WIDTH
    }

    fn get(&self, row: u32, column: u32) -> u32 {
        number(self.0, row * WIDTH + column)
    }

    /// The row in `first..end` whose name (column 0) compares equal to what `order` looks for.
    fn find(&self, first: u32, end: u32, order: impl Fn(&str) -> Ordering) -> Option<u32> {
        let (mut low, mut high) = (first, end);
        while low < high {
            let middle = low + (high - low) / 2;
            match order(string(self.get(middle, 0))) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(middle),
            }
        }
        None
    }
}

fn number(bytes: &[u8], index: u32) -> u32 {
    let at = index as usize * 4;
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn string(at: u32) -> &'static str {
    let (from, length) = ((at >> LENGTH_BITS) as usize, (at & ((1 << LENGTH_BITS) - 1)) as usize);
    STRINGS.get(from..from + length).unwrap_or("")
}

fn list(at: u32) -> impl Iterator<Item = u32> {
    (0..number(LISTS, at)).map(move |i| number(LISTS, at + 1 + i))
}

/// The order of names in which `A` is `a`.
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

/// What an action does to the account, from AWS's own classification; later ones weigh more.
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
    /// The word used in messages.
    pub fn word(self) -> &'static str {
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
    pub fn prefix(self) -> &'static str {
        string(SERVICES.get(self.0, 0))
    }

    /// The name people use, as in `Amazon S3`.
    pub fn title(self) -> &'static str {
        string(SERVICES.get(self.0, 1))
    }

    /// Whether resource control policies apply to it.
    pub fn in_resource_control(self) -> bool {
        SERVICES.get(self.0, 6) == 1
    }

    /// Its actions, sorted by name.
    pub fn actions(self) -> impl Iterator<Item = Action> + Clone {
        (SERVICES.get(self.0, 2)..SERVICES.get(self.0, 3)).map(Action)
    }

    /// One action by name, in any case.
    pub fn action(self, name: &str) -> Option<Action> {
        let (first, end) = (SERVICES.get(self.0, 2), SERVICES.get(self.0, 3));
        ACTIONS.find(first, end, |candidate| compare_any_case(candidate, name)).map(Action)
    }

    /// The actions that an IAM pattern for the name, as in `Get*`, stands for.
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
    pub fn name(self) -> &'static str {
        string(ACTIONS.get(self.0, 0))
    }

    /// Its service.
    pub fn service(self) -> Service {
        Service(ACTIONS.get(self.0, 5))
    }

    /// `service:Name`, as AWS writes it.
    pub fn full_name(self) -> String {
        format!("{}:{}", self.service().prefix(), self.name())
    }

    /// Whether it is one of those of these full names, as AWS writes them.
    pub fn is_one_of(self, names: &[&str]) -> bool {
        let (prefix, name) = (self.service().prefix(), self.name());
        names.iter().any(|n| n.strip_prefix(prefix).and_then(|n| n.strip_prefix(':')) == Some(name))
    }

    /// Its access level.
    pub fn level(self) -> AccessLevel {
        match ACTIONS.get(self.0, 1) {
            0 => AccessLevel::List,
            1 => AccessLevel::Read,
            2 => AccessLevel::Tagging,
            3 => AccessLevel::Write,
            _ => AccessLevel::Permissions,
        }
    }

    /// The resource types it can be restricted to; none when only `*` works.
    pub fn resources(self) -> impl Iterator<Item = ResourceType> {
        list(ACTIONS.get(self.0, 2)).map(|n| ResourceType(n & !REQUIRED))
    }

    /// Whether a resource other than `*` can be named for it.
    pub fn restrictable(self) -> bool {
        number(LISTS, ACTIONS.get(self.0, 2)) > 0
    }

    /// The service's own and tag condition keys that its requests carry, global ones left out.
    pub fn keys(self) -> impl Iterator<Item = ConditionKey> {
        list(ACTIONS.get(self.0, 3)).map(ConditionKey)
    }

    /// Other actions a caller needs for it.
    pub fn dependents(self) -> impl Iterator<Item = Action> {
        list(ACTIONS.get(self.0, 4)).map(Action)
    }
}

/// A kind of thing an action works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceType(u32);

impl ResourceType {
    /// Its name within the service, as in `bucket`.
    pub fn name(self) -> &'static str {
        string(RESOURCES.get(self.0, 0))
    }

    /// Its ARN with placeholders, as in `arn:${Partition}:s3:::${BucketName}`.
    pub fn arn(self) -> &'static str {
        string(RESOURCES.get(self.0, 1))
    }

    /// The pattern of all its ARNs, as in `arn:*:s3:::*`.
    pub fn pattern(self) -> &'static str {
        string(RESOURCES.get(self.0, 3))
    }

    /// Condition keys that belong to it.
    pub fn keys(self) -> impl Iterator<Item = ConditionKey> {
        list(RESOURCES.get(self.0, 2)).map(ConditionKey)
    }
}

/// A condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionKey(u32);

impl ConditionKey {
    /// Finds a condition key in any case; keys with a free part (`aws:RequestTag/team`) find their family.
    pub fn find(name: &str) -> Option<ConditionKey> {
        remembered::key(name)
    }

    /// The same without remembering what was asked before.
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

    /// Its name as AWS writes it, `*` for a free part.
    pub fn name(self) -> &'static str {
        string(KEYS.get(self.0, 0))
    }

    /// Its type as AWS names it: `String`, `ArrayOfString`, `ARN`, `Bool`, `Numeric`, `Date`, `IPAddress`, ….
    pub fn kind(self) -> &'static str {
        string(KEYS.get(self.0, 1))
    }

    /// Whether requests of every service can carry it.
    pub fn is_global(self) -> bool {
        KEYS.get(self.0, 2) == 1
    }
}

/// Whether `service:Name` was an action once, or is one that AWS uses itself and does not list.
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
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_only_when_they_exist() {
        let action = Action::find("S3:putobject").unwrap();
        assert_eq!(action.full_name(), "s3:PutObject");
        assert_eq!(action.level(), AccessLevel::Write);
        assert_eq!(action.resources().map(ResourceType::name).collect::<Vec<_>>(), ["accesspointobject", "object"]);
        assert!(Action::find("s3:PutObjects").is_none() && Service::find("s4").is_none());
        assert!(!Action::find("s3:ListAllMyBuckets").unwrap().restrictable());
        assert_eq!(Action::find("iam:DeleteOpenIDConnectProvider").unwrap().level(), AccessLevel::Permissions);
        assert!(Action::find("lambda:CreateFunction").unwrap().dependents().any(|a| a.full_name() == "iam:PassRole"));
    }

    #[test]
    fn every_table_can_be_searched() {
        let mut actions = 0;
        for service in Service::all() {
            assert_eq!(Service::find(service.prefix()), Some(service), "{}", service.prefix());
            for action in service.actions() {
                actions += 1;
                assert_eq!(Action::find(&action.full_name()), Some(action), "{}", action.full_name());
                assert_eq!(action.service(), service);
            }
        }
        assert!(actions > 20_000, "{actions} actions");
        for key in ConditionKey::all() {
            assert_eq!(ConditionKey::find(key.name()), Some(key), "{}", key.name());
        }
    }

    #[test]
    fn keys_with_a_free_part_find_their_family() {
        for (name, family) in [
            ("aws:requesttag/Team", "aws:RequestTag/*"),
            ("kms:EncryptionContext:aws:s3:arn", "kms:EncryptionContext:*"),
            ("ec2:ResourceTag/aws:ec2:fleet-id", "ec2:ResourceTag/*"),
        ] {
            assert_eq!(ConditionKey::find(name).map(ConditionKey::name), Some(family), "{name}");
        }
        assert!(ConditionKey::find("s3:prefixes").is_none());
    }

    #[test]
    fn a_pattern_stands_for_the_actions_it_matches() {
        let names: Vec<_> = Service::find("sqs").unwrap().matching("*MessageBatch").map(Action::full_name).collect();
        assert_eq!(names, Vec::<String>::new());
        let names: Vec<_> = Service::find("sqs").unwrap().matching("receive*").map(Action::full_name).collect();
        assert_eq!(names, ["sqs:ReceiveMessage"]);
    }

    #[test]
    fn what_is_gone_is_told_from_what_never_was() {
        assert!(is_retired("DeepRacer:CreateCar") || is_retired_service("deepracer"));
        assert!(is_retired("payments:GetPaymentAttempt") && is_retired("zocalo:Check"));
        assert!(!is_retired("s3:Nonsense") && !is_retired_service("s4"));
    }
}
