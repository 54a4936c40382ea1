use iam_policy::model::{Policy, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::{service_wildcard, wildcard_action};

/// The action that this rule restricts.
pub(crate) const ACTION: &str = "iam:CreateServiceLinkedRole";

pub(crate) static RULE: Rule = Rule {
    name: "unbounded-service-linked-role",
    family: Family::Breadth,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("CREATE_SLR_WITH_STAR_IN_RESOURCE"),
    doc: include_str!("unbounded_service_linked_role.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Identity {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows() && names_service_linked_role(s)) {
        let restricted = statement.unknown_condition || statement.conditions_on("iam:AWSServiceName").next().is_some();
        let Some(star) = statement.resource_items().iter().find(|i| iam_policy::arn::is_everything(i.raw())) else {
            continue;
        };
        if !restricted {
            let message = format!("`{ACTION}` is allowed for every service");
            let help = "add a condition on `iam:AWSServiceName`, or name the role, as in \
                        `arn:aws:iam::*:role/aws-service-role/autoscaling.amazonaws.com/*`";
            reporter.at(star.at, message, help);
        }
    }
}

/// Whether an action pattern matches the action, other than `*` and `iam:*`, which other rules report.
fn names_service_linked_role(statement: &Statement) -> bool {
    let wide = |text: &str| wildcard_action::is_everything(text) || service_wildcard::whole_service(text).is_some();
    statement.action_items().iter().any(|i| !wide(i.raw()) && pattern::matches_action(i.raw(), ACTION))
}
