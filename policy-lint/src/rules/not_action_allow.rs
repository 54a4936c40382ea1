use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "not-action-allow",
    family: Family::Breadth,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("not_action_allow.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind.only_bounds() {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let Some(actions) = statement.actions.as_ref().filter(|a| a.negated) else {
            continue;
        };
        let listed: Vec<String> = actions.items.iter().take(3).map(|i| format!("`{}`", i.text)).collect();
        let more = if actions.items.len() > 3 { " and others" } else { "" };
        reporter.at(
            actions.key,
            format!("`NotAction` with `Allow` grants every action of every service except {}{more}", listed.join(", ")),
            "list the allowed actions under `Action`; to exclude actions, list them in a `Deny` statement",
        );
    }
}
