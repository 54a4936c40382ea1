//! See the page.
use crate::catalogue::Key;
use crate::model::Policy;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "missing-set-operator",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Pedantic,
    aws: None,
    doc: include_str!("missing_set_operator.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let plain = condition.qualifier().is_none() && !condition.base().eq_ignore_ascii_case("Null");
        let Some(key) = Key::find(condition.key.raw()).filter(|k| plain && k.kind().starts_with("Array")) else {
            continue;
        };
        let message = format!("`{}` has many values, and `{}` compares one", key.name(), condition.operator.text);
        out.at(
            condition.key.at,
            message,
            format!("write `ForAnyValue:{0}` or `ForAllValues:{0}`", condition.operator.text),
        );
    }
}
