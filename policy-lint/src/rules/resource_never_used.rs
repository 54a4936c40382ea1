use iam_policy::catalogue::ResourceType;
use iam_policy::model::{Policy, Statement};
use iam_policy::{PolicyKind, arn};

use crate::reference_arns;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "resource-never-used",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Pedantic,
    aws: None,
    doc: include_str!("resource_never_used.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Identity {
        return;
    }
    for statement in &policy.statements {
        let Some(types) = supported_types(statement) else { continue };
        for item in statement.resource_items() {
            let shape = reference_arns::typed(&item.text);
            if shape.starts_with("arn:")
                && !arn::is_everything(&shape)
                && arn::Arn::parse(&shape).is_some_and(|a| !types.iter().any(|t| a.can_be(*t)))
            {
                reporter.at(
                    item.at,
                    format!("no action of the statement applies to `{}`", item.text),
                    "add the missing action, or remove the resource",
                );
            }
        }
    }
}

/// The resource types that the statement's actions support; `None` when an action is unknown or is a whole service.
fn supported_types(statement: &Statement) -> Option<Vec<ResourceType>> {
    let mut found = Vec::new();
    for (item, actions) in statement.granted_actions() {
        let (_, name) = item.raw().split_once(':')?;
        if name == "*" || actions.is_empty() {
            return None;
        }
        found.extend(actions.iter().flat_map(|a| a.resources()));
    }
    found.sort_unstable();
    found.dedup();
    let complete = statement.actions.as_ref().is_some_and(|a| !a.incomplete && !a.negated);
    (complete && !found.is_empty()).then_some(found)
}
