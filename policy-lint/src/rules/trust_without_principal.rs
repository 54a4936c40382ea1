use iam_policy::PolicyKind;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "trust-without-principal",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("MISSING_PRINCIPAL"),
    doc: include_str!("trust_without_principal.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Trust {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.principals.is_none()) {
        let assumes = statement.action_items().iter().any(|i| iam_policy::is_trust_action(i.raw()));
        let message = if assumes {
            "the trust policy has no principal that may assume the role"
        } else {
            "this is not a trust policy: it has no principal and does not allow `sts:AssumeRole`"
        };
        let help = if assumes {
            "add a `Principal`, as in `\"Principal\": {\"Service\": \"lambda.amazonaws.com\"}`"
        } else {
            "move the statement to a permissions policy of the role; a trust policy has a `Principal` and the action `sts:AssumeRole`"
        };
        reporter.at(statement.head, message, help);
    }
}
