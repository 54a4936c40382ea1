//! The kinds of policy, and how the kind of a document is guessed.
use source_text::{Data, Value};

/// The kind of a policy, which determines its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// Attached to a user, group or role.
    Identity,
    /// The trust policy of a role.
    Trust,
    /// The policy of a bucket or an access point.
    S3,
    /// The policy of a topic.
    Sns,
    /// The policy of a queue.
    Sqs,
    /// The policy of a key.
    Kms,
    /// The policy of a secret.
    Secret,
    /// The policy of a container repository.
    Ecr,
    /// The policy of a function.
    Lambda,
    /// A service control policy.
    Scp,
    /// A resource control policy.
    Rcp,
    /// The policy of a VPC endpoint.
    Endpoint,
    /// The policy of any other resource.
    Resource,
}

impl PolicyKind {
    /// The kinds that a document can be declared to be, in the order in which they are listed to users. The other kinds
    /// follow from the resource that holds the document.
    pub const DECLARABLE: &[PolicyKind] = &[
        PolicyKind::Identity,
        PolicyKind::Trust,
        PolicyKind::S3,
        PolicyKind::Sns,
        PolicyKind::Sqs,
        PolicyKind::Kms,
        PolicyKind::Secret,
        PolicyKind::Ecr,
        PolicyKind::Lambda,
        PolicyKind::Scp,
        PolicyKind::Rcp,
    ];

    /// The declarable kind with a name.
    pub fn from_name(name: &str) -> Option<PolicyKind> {
        PolicyKind::DECLARABLE.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The name in reports and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyKind::Identity => "identity",
            PolicyKind::Trust => "trust",
            PolicyKind::S3 => "s3",
            PolicyKind::Sns => "sns",
            PolicyKind::Sqs => "sqs",
            PolicyKind::Kms => "kms",
            PolicyKind::Secret => "secret",
            PolicyKind::Ecr => "ecr",
            PolicyKind::Lambda => "lambda",
            PolicyKind::Scp => "scp",
            PolicyKind::Rcp => "rcp",
            PolicyKind::Endpoint => "endpoint",
            PolicyKind::Resource => "resource",
        }
    }

    /// Whether its statements name principals.
    pub fn has_principals(self) -> bool {
        !matches!(self, PolicyKind::Identity | PolicyKind::Scp)
    }

    /// Whether it only limits what other policies grant.
    pub fn only_bounds(self) -> bool {
        matches!(self, PolicyKind::Scp | PolicyKind::Rcp | PolicyKind::Endpoint)
    }

    /// Whether it is the policy of a resource.
    pub fn is_resource(self) -> bool {
        !matches!(self, PolicyKind::Identity | PolicyKind::Trust | PolicyKind::Scp | PolicyKind::Rcp)
    }

    /// Guesses the kind of a document from its statements, then from the name of its file.
    pub fn guess(document: &Value, path: &str) -> PolicyKind {
        let statements = statements(document);
        let trust_actions = statements.iter().any(|s| actions(s).any(is_trust_action));
        let with_principal = statements.iter().any(|s| has(s, "Principal") || has(s, "NotPrincipal"));
        let with_resource = statements.iter().any(|s| has(s, "Resource") || has(s, "NotResource"));
        if with_principal {
            return if trust_actions { PolicyKind::Trust } else { of_resource(statements, path) };
        }
        if trust_actions && !with_resource || named(path, "trust") || named(path, "assume") {
            return PolicyKind::Trust;
        }
        if named(path, "scp") { PolicyKind::Scp } else { PolicyKind::Identity }
    }
}

fn statements(document: &Value) -> &[Value] {
    let Some(member) = document.members().iter().find(|m| m.key.raw().eq_ignore_ascii_case("Statement")) else {
        return &[];
    };
    match &member.value.data {
        Data::Array(elements) => elements,
        _ => std::slice::from_ref(&member.value),
    }
}

fn has(statement: &Value, key: &str) -> bool {
    statement.members().iter().any(|m| m.key.raw().eq_ignore_ascii_case(key))
}

fn actions(statement: &Value) -> impl Iterator<Item = &str> {
    let wanted = |key: &str| key.eq_ignore_ascii_case("Action") || key.eq_ignore_ascii_case("NotAction");
    let values = statement.members().iter().filter(move |m| wanted(m.key.raw())).map(|m| &m.value);
    values.flat_map(|v| v.as_text().into_iter().chain(v.elements().iter().filter_map(Value::as_text)).map(|t| t.raw()))
}

/// Whether an action is `sts:AssumeRole` or a related one that trust policies grant.
pub fn is_trust_action(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.starts_with("sts:assume") || action == "sts:tagsession" || action == "sts:setsourceidentity"
}

fn of_resource(statements: &[Value], path: &str) -> PolicyKind {
    if named(path, "rcp") {
        return PolicyKind::Rcp;
    }
    let mut prefixes = statements.iter().flat_map(actions).filter_map(|a| a.split_once(':').map(|(p, _)| p));
    match prefixes.next().map(str::to_ascii_lowercase).as_deref() {
        Some("s3") => PolicyKind::S3,
        Some("sns") => PolicyKind::Sns,
        Some("sqs") => PolicyKind::Sqs,
        Some("kms") => PolicyKind::Kms,
        Some("secretsmanager") => PolicyKind::Secret,
        Some("ecr") => PolicyKind::Ecr,
        Some("lambda") => PolicyKind::Lambda,
        _ => PolicyKind::Resource,
    }
}

/// Whether a word of the file's name begins with `word`: for `trust`, `TrustPolicy.json` and `lambda-trust.json`, but not
/// `braintrust.json`.
fn named(path: &str, word: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if !name.as_bytes().windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes())) {
        return false;
    }
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && lower_before) {
            words.push(String::new());
        }
        if let Some(last) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            last.push(c.to_ascii_lowercase());
        }
        lower_before = c.is_ascii_lowercase();
    }
    words.iter().any(|w| w.starts_with(word) && !w.starts_with("trusted"))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_file_name_hints_by_its_words() {
        for (path, expected) in [
            ("a/lambda-trust.json", true),
            ("TrustPolicy.json", true),
            ("braintrust-s3-policy.json", false),
            ("braintrust-trust-policy.json", true),
            ("trust/policy.json", false),
        ] {
            assert_eq!(named(path, "trust"), expected, "{path}");
        }
    }
}
