//! See the page.
use iam_policy::arn::{Arn, is_everything};
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
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
        let tied = statement.unknown_condition
            || statement.conditions_on("iam:PassedToService").next().is_some()
            || statement.conditions_on("iam:AssociatedResourceArn").next().is_some()
            || statement.conditions.iter().any(|c| c.key.raw().to_ascii_lowercase().contains("resourcetag/"));
        let Some(first) = statement.resource_items().first() else { continue };
        let wide = statement.resource_items().iter().find(|i| {
            is_everything(i.raw())
                || Arn::parse(i.raw()).is_some_and(|a| is_everything(a.resource.trim_start_matches("role/")))
        });
        match wide {
            Some(item) if !tied => {
                reporter.at(
                    item.at,
                    "`iam:PassRole` may hand every role of the account to any service",
                    "name the role, and say which service takes it by a condition on `iam:PassedToService`",
                );
            }
            Some(_) => {}
            None if !tied && let Some(some) = statement.resource_items().iter().find(|i| is_pattern(i)) => {
                let message = format!("`iam:PassRole` may hand every role of `{}` to any service", some.text);
                reporter.at(some.at, message, "name the role, or add a condition on `iam:PassedToService`");
            }
            None if !tied => {
                let message = "`iam:PassRole` does not say to which service the role may be passed";
                let finding = reporter.at(first.at, message, "add a condition on `iam:PassedToService`");
                finding.severity(Severity::Note).persona(Persona::Pedantic);
            }
            None => {}
        }
    }
}

/// Whether a resource stands for several roles by their names.
fn is_pattern(item: &Item) -> bool {
    Arn::parse(item.raw()).is_some_and(|a| pattern::has_wildcard(a.resource))
}

/// Whether a pattern says `PassRole` itself; `*` and `iam:*` have rules of their own.
fn names_pass_role(statement: &Statement) -> bool {
    statement
        .action_items()
        .iter()
        .any(|i| !matches!(i.raw(), "*" | "*:*" | "iam:*") && pattern::matches_action(i.raw(), "iam:PassRole"))
}
