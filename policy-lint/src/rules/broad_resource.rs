use iam_policy::catalogue::{AccessLevel, Action};
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::{PolicyKind, arn};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::{service_wildcard, unbounded_service_linked_role, wildcard_action};

pub(crate) static RULE: Rule = Rule {
    name: "broad-resource",
    family: Family::Breadth,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("broad_resource.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Identity {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let Some(wildcard) = statement.resource_items().iter().find(|i| i.raw().chars().all(|c| c == '*')) else {
            continue;
        };
        check_statement(statement, wildcard, reporter);
    }
}

/// Actions that other rules check.
const CHECKED_BY_OTHER_RULES: &[&str] = &["iam:PassRole", unbounded_service_linked_role::ACTION];

fn check_statement(statement: &Statement, wildcard: &Item, reporter: &mut Reporter<'_>) {
    let mut worst: Option<(bool, AccessLevel, Action, &Item)> = None;
    let (mut count, restricted) = (0, is_restricted(statement));
    for (item, actions) in statement.granted_actions() {
        if wildcard_action::is_everything(item.raw()) || service_wildcard::whole_service(item.raw()).is_some() {
            continue;
        }
        for action in actions.iter().copied().filter(|a| a.restrictable() && !a.is_one_of(CHECKED_BY_OTHER_RULES)) {
            count += 1;
            let significant = !restricted && is_significant(action);
            if worst.is_none_or(|(w, level, _, _)| (significant, action.level()) > (w, level)) {
                worst = Some((significant, action.level(), action, item));
            }
        }
    }
    let Some((significant, _, action, item)) = worst else {
        return;
    };
    let others = match count - 1 {
        0 => String::new(),
        1 => String::from(" and 1 more action"),
        more => format!(" and {more} more actions"),
    };
    let help = arn::primary(action).map_or_else(String::new, |r| {
        format!(
            "name the {}, as in `{}`; keep `*` only for actions that do not support resource-level permissions",
            r.name(),
            arn::example(r.arn())
        )
    });
    let message = format!(
        "every resource is allowed for `{}`{others}, which can be restricted to specific resources",
        action.full_name()
    );
    let finding = reporter.at(wildcard.at, message, help);
    finding.related(item.at.span, format!("`{}` is allowed here", item.text));
    if !significant {
        let reading = matches!(action.level(), AccessLevel::List | AccessLevel::Read);
        finding.persona(if reading { Persona::Auditor } else { Persona::Pedantic }).severity(Severity::Note);
    }
}

/// Actions that read data or secrets.
const READS_DATA: &[&str] = &[
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "kms:Decrypt",
    "s3:GetObject",
    "dynamodb:Scan",
];

/// Whether an action deserves a warning: it writes, manages permissions, or reads data or secrets.
pub(crate) fn is_significant(action: Action) -> bool {
    matches!(action.level(), AccessLevel::Write | AccessLevel::Permissions) || action.is_one_of(READS_DATA)
}

/// Condition keys, without their service prefix, that restrict a statement to certain resources.
const RESTRICTING_KEYS: &[&str] = &[
    "awsservicename",
    "calledvia",
    "calledviafirst",
    "calledvialast",
    "createaction",
    "grantisforawsresource",
    "namespace",
    "passedtoservice",
    "resourcealiases",
    "viaservice",
];

/// Whether a condition restricts the statement to certain resources, so that `*` does not mean all of them.
pub(crate) fn is_restricted(statement: &Statement) -> bool {
    statement.unknown_condition
        || statement.conditions.iter().any(|c| {
            let key = c.key.raw().to_ascii_lowercase();
            let tail = key.split_once(':').map_or("", |(_, t)| t);
            RESTRICTING_KEYS.contains(&tail)
                || ["resourcetag/", "requesttag/", "encryptioncontext"].iter().any(|t| tail.starts_with(t))
        })
}
