//! See the page.
use crate::arn;
use crate::catalogue::{Action, Service};
use crate::model::{Kind, Policy, Statement};
use crate::pattern::HOLE;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "resource-never-used",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Pedantic,
    aws: None,
    doc: include_str!("resource_never_used.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if policy.kind != Kind::Identity {
        return;
    }
    for statement in &policy.statements {
        let Some(actions) = known_actions(statement) else { continue };
        for item in statement.resource_items() {
            let shape = arn::typed(&item.text);
            if shape.starts_with("arn:")
                && !arn::is_everything(&shape)
                && !actions.iter().any(|a| arn::takes(*a, &shape))
            {
                out.at(
                    item.at,
                    format!("no action of the statement works on `{}`", item.text),
                    "add the action that is missing, or remove the resource",
                );
            }
        }
    }
}

/// Every action the statement names; `None` when that is too many or not known.
fn known_actions(statement: &Statement) -> Option<Vec<Action>> {
    let mut found = Vec::new();
    for item in statement.action_items() {
        let (prefix, name) = item.raw().split_once(':')?;
        if name.contains(HOLE) || name == "*" {
            return None;
        }
        found.extend(Service::find(prefix)?.matching(name));
    }
    let complete = statement.actions.as_ref().is_some_and(|a| !a.incomplete && !a.negated);
    (complete && !found.is_empty()).then_some(found)
}
