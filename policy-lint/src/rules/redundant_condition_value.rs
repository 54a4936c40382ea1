//! See the page.
use crate::model::Policy;
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "redundant-condition-value",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Pedantic,
    aws: Some("REDUNDANT_CONDITION_VALUE"),
    doc: include_str!("redundant_condition_value.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let like = condition.base().to_ascii_lowercase().ends_with("like");
        let values = &condition.values;
        for (i, item) in values.iter().enumerate().take(256) {
            let cover = values.iter().enumerate().take(256).find(|(j, other)| {
                let same = other.raw() == item.raw() && other.text.holes() == item.text.holes();
                *j != i && (same && *j < i || !same && like && pattern::covers(other.raw(), item.raw()))
            });
            if let Some((_, other)) = cover {
                let message = format!("`{}` is covered by `{}`", item.text, other.text);
                out.at(item.at, message, "remove it").related(other.at.span, "the other is here");
            }
        }
    }
}
