use iam_policy::catalogue::{self, Service};
use iam_policy::model::Policy;
use iam_policy::pattern;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "retired-action",
    family: Family::Vocabulary,
    severity: Severity::Note,
    persona: Persona::Pedantic,
    aws: None,
    doc: include_str!("retired_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (item, actions) in policy.statements.iter().filter_map(|s| s.actions.as_ref()).flat_map(|a| a.expanded()) {
        let Some((prefix, _)) = item.raw().split_once(':') else { continue };
        if pattern::has_wildcard(prefix) || !actions.is_empty() {
            continue;
        }
        let is_retired_service = Service::find(prefix).is_none() && catalogue::is_retired_service(prefix);
        if is_retired_service || catalogue::is_retired(item.raw()) {
            reporter.at(
                item.at,
                format!("AWS no longer lists `{}`", item.text),
                "remove it, unless it is known to be needed",
            );
        }
    }
}
