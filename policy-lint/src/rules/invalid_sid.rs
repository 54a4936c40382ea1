//! See the page.
use crate::model::{Kind, Policy};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "invalid-sid",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_SID"),
    doc: include_str!("invalid_sid.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if !matches!(policy.kind, Kind::Identity | Kind::Trust | Kind::Scp | Kind::Rcp) {
        return;
    }
    for sid in policy.statements.iter().filter_map(|s| s.sid.as_ref()) {
        let Some(text) = sid.text.as_known() else { continue };
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_alphanumeric()) {
            let kept: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            out.at(
                sid.at,
                format!("the `Sid` `{text}` contains `{bad}`"),
                format!("use letters and digits only, as in `{kept}`"),
            );
        }
    }
}
