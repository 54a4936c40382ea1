use iam_policy::catalogue::{self, Service};
use iam_policy::model::Policy;
use iam_policy::pattern;
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "action-matches-nothing",
    family: Family::Vocabulary,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("INVALID_ACTION"),
    doc: include_str!("action_matches_nothing.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (item, actions) in policy.statements.iter().filter_map(|s| s.actions.as_ref()).flat_map(|a| a.expanded()) {
        if !actions.is_empty() {
            continue;
        }
        let Some((prefix, name)) = item.raw().split_once(':') else { continue };
        if name.contains(PLACEHOLDER) || !pattern::has_wildcard(name) {
            continue;
        }
        let Some(service) = Service::find(prefix) else { continue };
        if service.matching(name).next().is_none() {
            let message = format!("`{}` matches no action of {}", item.text, service.title());
            reporter.at(
                item.at,
                message,
                format!("name the actions that are needed (the action catalogue is dated {})", catalogue::DATE),
            );
        }
    }
}
