use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "wildcard-action",
    family: Family::Breadth,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("wildcard_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind.only_bounds() {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        for item in statement.action_items().iter().filter(|i| is_everything(i.raw())) {
            reporter.at(
                item.at,
                format!("`{}` allows every action of every service", item.text),
                "name the actions that are needed, as in `s3:GetObject`",
            );
        }
    }
}

/// Whether a pattern matches every action of every service.
pub(crate) fn is_everything(pattern: &str) -> bool {
    let (service, name) = pattern.split_once(':').unwrap_or((pattern, "*"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|b| b == b'*');
    all(service) && all(name)
}
