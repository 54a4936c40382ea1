use iam_policy::arn::{Arn, is_everything};
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unbounded-pass-role",
    family: Family::Breadth,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("PASS_ROLE_WITH_STAR_IN_RESOURCE"),
    doc: include_str!("unbounded_pass_role.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Identity {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows() && names_pass_role(s)) {
        let restricted = statement.unknown_condition
            || statement.conditions_on("iam:PassedToService").next().is_some()
            || statement.conditions_on("iam:AssociatedResourceArn").next().is_some()
            || statement.conditions.iter().any(|c| c.key.raw().to_ascii_lowercase().contains("resourcetag/"));
        let Some(first) = statement.resource_items().first() else { continue };
        let wide = statement.resource_items().iter().find(|i| {
            is_everything(i.raw())
                || Arn::parse(i.raw()).is_some_and(|a| is_everything(a.resource.trim_start_matches("role/")))
        });
        match wide {
            Some(item) if !restricted => {
                reporter.at(
                    item.at,
                    "`iam:PassRole` is allowed for every role of the account and any service",
                    "name the role, and the service in a condition on `iam:PassedToService`",
                );
            }
            Some(_) => {}
            None if !restricted && let Some(some) = statement.resource_items().iter().find(|i| is_pattern(i)) => {
                let message =
                    format!("`iam:PassRole` is allowed for every role that matches `{}` and any service", some.text);
                reporter.at(some.at, message, "name the role, or add a condition on `iam:PassedToService`");
            }
            None if !restricted => {
                let message = "`iam:PassRole` does not restrict the service that the role may be passed to";
                let finding = reporter.at(first.at, message, "add a condition on `iam:PassedToService`");
                finding.severity(Severity::Note).persona(Persona::Pedantic);
            }
            None => {}
        }
    }
}

/// Whether a resource matches several roles.
fn is_pattern(item: &Item) -> bool {
    Arn::parse(item.raw()).is_some_and(|a| pattern::has_wildcard(a.resource))
}

/// Whether an action pattern matches `iam:PassRole`, other than `*` and `iam:*`, which other rules report.
fn names_pass_role(statement: &Statement) -> bool {
    statement
        .action_items()
        .iter()
        .any(|i| !matches!(i.raw(), "*" | "*:*" | "iam:*") && pattern::matches_action(i.raw(), "iam:PassRole"))
}
