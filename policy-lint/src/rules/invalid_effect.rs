//! See the page.
use crate::model::members_at;
use crate::model::read::same;
use crate::model::{At, Policy};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "invalid-effect",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_EFFECT"),
    doc: include_str!("invalid_effect.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for (written, at) in policy.written() {
        for (member, at) in members_at(written, at.trail).filter(|(m, _)| same(m.key.raw(), "Effect")) {
            let Some(text) = member.value.as_str().filter(|t| *t != "Allow" && *t != "Deny") else { continue };
            let suggested = if same(text, "Deny") { "Deny" } else { "Allow" };
            let at = At { span: member.value.span, ..at };
            out.at(
                at,
                format!("`{text}` is not a valid effect"),
                format!("write `{suggested}`; `Allow` and `Deny` are case-sensitive"),
            );
        }
    }
}
