//! See the page.
use crate::catalogue;
use crate::catalogue::{Action, Service};
use crate::model::Policy;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "retired-action",
    family: Family::Vocabulary,
    severity: Severity::Note,
    persona: Persona::Pedantic,
    aws: None,
    doc: include_str!("retired_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for item in policy.statements.iter().filter_map(|s| s.actions.as_ref()).flat_map(|a| &a.items) {
        let Some((prefix, _)) = item.raw().split_once(':') else { continue };
        let gone = Service::find(prefix).is_none() && catalogue::is_retired_service(prefix);
        if gone || catalogue::is_retired(item.raw()) && Action::find(item.raw()).is_none() {
            out.at(
                item.at,
                format!("`{}` is no longer listed by AWS", item.text),
                "remove it, unless you know that it is needed",
            );
        }
    }
}
