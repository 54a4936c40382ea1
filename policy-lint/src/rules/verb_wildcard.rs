use iam_policy::catalogue::AccessLevel;
use iam_policy::model::Policy;
use iam_policy::pattern;
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::service_wildcard::whole_service;
use crate::rules::wildcard_action::is_everything;

pub(crate) static RULE: Rule = Rule {
    name: "verb-wildcard",
    family: Family::Breadth,
    severity: Severity::Note,
    persona: Persona::Pedantic,
    aws: None,
    doc: include_str!("verb_wildcard.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind.only_bounds() {
        return;
    }
    for (item, actions) in policy.statements.iter().filter(|s| s.allows()).flat_map(|s| s.granted_actions()) {
        let text = item.raw();
        if !pattern::has_wildcard(text)
            || text.contains(PLACEHOLDER)
            || whole_service(text).is_some()
            || is_everything(text)
        {
            continue;
        }
        let Some(worst) = actions.iter().copied().max_by_key(|a| a.level()) else { continue };
        let example = worst.full_name();
        let message = match actions.len() {
            1 => format!("`{}` allows `{example}` ({})", item.text, worst.level().as_str()),
            count => {
                format!("`{}` allows {count} actions, including `{example}` ({})", item.text, worst.level().as_str())
            }
        };
        let finding = reporter.at(
            item.at,
            message,
            format!("name the actions that are needed; `policy-lint expand '{text}'` lists them"),
        );
        match worst.level() {
            AccessLevel::Permissions => drop(finding.severity(Severity::Warning)),
            AccessLevel::Write | AccessLevel::Tagging => {}
            AccessLevel::Read | AccessLevel::List => drop(finding.persona(Persona::Auditor)),
        }
    }
}
