//! See the page.
use crate::evaluate::speaks_of;
use crate::model::{At, Kind, Policy};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "unassumable-role",
    family: Family::Attachment,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("unassumable_role.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if policy.kind != Kind::Trust {
        return;
    }
    let assumable = |action: &str| {
        policy.statements.iter().any(|s| s.effect != Some(crate::model::Effect::Deny) && speaks_of(s, action))
    };
    let actions = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML", "sts:AssumeRoot"];
    let open = policy.statements.iter().any(|s| {
        s.actions.as_ref().is_none_or(|a| a.incomplete || a.items.iter().any(|i| !i.text.is_known()))
            || s.principals.is_none()
    });
    let Some(first) = policy.statements.first().filter(|_| !open && !actions.iter().any(|a| assumable(a))) else {
        return;
    };
    let at = At { trail: At::default().trail, ..first.head };
    out.at(
        at,
        "no statement allows a principal to assume the role",
        "allow `sts:AssumeRole` for the principals that need the role",
    );
}
