use iam_policy::PolicyKind;
use iam_policy::model::{NodeSpan, Policy};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unassumable-role",
    family: Family::Attachment,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("unassumable_role.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Trust {
        return;
    }
    let assumable = |action: &str| {
        policy
            .statements
            .iter()
            .any(|s| s.effect != Some(iam_policy::model::Effect::Deny) && s.applies_to_action(action))
    };
    let actions = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML", "sts:AssumeRoot"];
    let open = policy.statements.iter().any(|s| {
        s.actions.as_ref().is_none_or(|a| a.incomplete || a.items.iter().any(|i| !i.text.is_known()))
            || s.principals.is_none()
    });
    let Some(first) = policy.statements.first().filter(|_| !open && !actions.iter().any(|a| assumable(a))) else {
        return;
    };
    let at = NodeSpan { node_path: NodeSpan::default().node_path, ..first.head };
    reporter.at(
        at,
        "no statement allows a principal to assume the role",
        "allow `sts:AssumeRole` for the principals that need the role",
    );
}
