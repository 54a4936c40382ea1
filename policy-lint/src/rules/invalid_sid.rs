use iam_policy::PolicyKind;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "invalid-sid",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_SID"),
    doc: include_str!("invalid_sid.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if !matches!(policy.kind, PolicyKind::Identity | PolicyKind::Trust | PolicyKind::Scp | PolicyKind::Rcp) {
        return;
    }
    for sid in policy.statements.iter().filter_map(|s| s.sid.as_ref()) {
        let Some(text) = sid.text.as_known() else { continue };
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_alphanumeric()) {
            let kept: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            reporter.at(
                sid.at,
                format!("the `Sid` `{text}` contains `{bad}`"),
                format!("use letters and digits only, as in `{kept}`"),
            );
        }
    }
}
