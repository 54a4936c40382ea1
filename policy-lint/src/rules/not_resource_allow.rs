use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "not-resource-allow",
    family: Family::Breadth,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("not_resource_allow.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind.only_bounds() {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        if let Some(resources) = statement.resources.as_ref().filter(|r| r.negated) {
            let listed: Vec<String> = resources.items.iter().take(2).map(|i| format!("`{}`", i.text)).collect();
            let message =
                format!("`NotResource` with `Allow` grants access to every resource except {}", listed.join(", "));
            reporter.at(
                resources.key,
                message,
                "list the allowed resources under `Resource`; deny the rest in a `Deny` statement",
            );
        }
    }
}
