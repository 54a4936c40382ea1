use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "like-without-wildcard",
    family: Family::Match,
    severity: Severity::Note,
    persona: Persona::Auditor,
    aws: None,
    doc: include_str!("like_without_wildcard.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let base = condition.base().to_ascii_lowercase();
        let known = !condition.incomplete && condition.values.iter().all(|v| v.text.is_known());
        let wild = condition.values.iter().any(|v| v.raw().contains(['*', '?', '$']));
        if matches!(base.as_str(), "stringlike" | "stringnotlike") && known && !wild && !condition.values.is_empty() {
            let exact = if base.contains("not") { "StringNotEquals" } else { "StringEquals" };
            let message = format!("no value of `{}` has a wildcard", condition.key.text);
            reporter.at(condition.operator.at, message, format!("use `{exact}`"));
        }
    }
}
