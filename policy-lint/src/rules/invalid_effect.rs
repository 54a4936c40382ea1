use iam_policy::model::{NodeSpan, Policy, is_key, members_at};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "invalid-effect",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_EFFECT"),
    doc: include_str!("invalid_effect.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (written, at) in policy.raw_statements() {
        for (member, at) in members_at(written, at.node_path).filter(|(m, _)| is_key(m.key.raw(), "Effect")) {
            let Some(text) = member.value.as_str().filter(|t| *t != "Allow" && *t != "Deny") else { continue };
            let suggested = if is_key(text, "Deny") { "Deny" } else { "Allow" };
            let at = NodeSpan { span: member.value.span, ..at };
            reporter.at(
                at,
                format!("`{text}` is not a valid effect"),
                format!("write `{suggested}`; `Allow` and `Deny` are case-sensitive"),
            );
        }
    }
}
