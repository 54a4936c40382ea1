use iam_policy::model::{Policy, Principal};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "redundant-principal",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY"),
    doc: include_str!("redundant_principal.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for principals in policy.statements.iter().filter_map(|s| s.principals.as_ref()).filter(|p| !p.negated) {
        let items = &principals.items;
        for (i, one) in items.iter().enumerate().take(256) {
            let cover = items.iter().enumerate().take(256).find(|(j, other)| {
                *j != i
                    && other.principal_type == one.principal_type
                    && (covers(other, one) || other.item.same(&one.item) && *j < i)
            });
            if let Some((_, other)) = cover {
                let message = format!("`{}` is covered by `{}`", one.item.text, other.item.text);
                reporter
                    .at(one.item.at, message, "remove it")
                    .related(other.item.at.span, "the other principal is here");
            }
        }
    }
}

/// Whether the first principal is the role of which the second is a session.
fn covers(role: &Principal, session: &Principal) -> bool {
    let (Some(role), Some(session)) = (role.item.text.as_known(), session.item.text.as_known()) else { return false };
    let split = |text: &str, middle: &str| text.split_once(middle).map(|(a, b)| (a.to_owned(), b.to_owned()));
    let (Some(role), Some(session)) = (split(role, ":role/"), split(session, ":assumed-role/")) else { return false };
    let account = |head: &str| head.rsplit(':').next().unwrap_or_default().to_owned();
    account(&role.0) == account(&session.0) && role.1.rsplit('/').next() == session.1.split('/').next()
}
