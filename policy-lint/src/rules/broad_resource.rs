//! See the page.
use iam_policy::catalogue::{AccessLevel, Action};
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::{PolicyKind, arn};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::{service_wildcard, unbounded_service_linked_role, wildcard_action};

/// The rule.
pub static RULE: Rule = Rule {
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
        let Some(star) = statement.resource_items().iter().find(|i| i.raw().chars().all(|c| c == '*')) else {
            continue;
        };
        judge(statement, star, reporter);
    }
}

/// Actions that have rules of their own.
const ELSEWHERE: &[&str] = &["iam:PassRole", unbounded_service_linked_role::ACTION];

fn judge(statement: &Statement, star: &Item, reporter: &mut Reporter<'_>) {
    let mut worst: Option<(bool, AccessLevel, Action, &Item)> = None;
    let (mut count, tied) = (0, is_tied(statement));
    for (item, actions) in statement.granted_actions() {
        if wildcard_action::is_everything(item.raw()) || service_wildcard::whole_service(item.raw()).is_some() {
            continue;
        }
        for action in actions.iter().copied().filter(|a| a.restrictable() && !a.is_one_of(ELSEWHERE)) {
            count += 1;
            let weighs = !tied && matters(action);
            if worst.is_none_or(|(w, level, _, _)| (weighs, action.level()) > (w, level)) {
                worst = Some((weighs, action.level(), action, item));
            }
        }
    }
    let Some((weighs, _, action, item)) = worst else {
        return;
    };
    let others = if count > 1 { format!(" and {} more actions", count - 1) } else { String::new() };
    let help = arn::primary(action).map_or_else(String::new, |r| {
        format!(
            "name the {} it is for, as in `{}`; keep `*` only for actions that take nothing else",
            r.name(),
            arn::example(r.arn())
        )
    });
    let message = format!("`{}`{others} may be used on every resource, but can be restricted", action.full_name());
    let finding = reporter.at(star.at, message, help);
    finding.related(item.at.span, format!("`{}` is allowed here", item.text));
    if !weighs {
        let reading = matches!(action.level(), AccessLevel::List | AccessLevel::Read);
        finding.persona(if reading { Persona::Auditor } else { Persona::Pedantic }).severity(Severity::Note);
    }
}

/// Actions that read what must stay secret.
const SECRET: &[&str] = &[
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "kms:Decrypt",
    "s3:GetObject",
    "dynamodb:Scan",
];

/// Whether an action does enough that `*` should stop a commit: it writes, manages access or reads secrets.
pub fn matters(action: Action) -> bool {
    matches!(action.level(), AccessLevel::Write | AccessLevel::Permissions) || action.is_one_of(SECRET)
}

/// Condition keys, without their service, that say which resources are meant.
const TYING: &[&str] = &[
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

/// Whether a condition ties the statement to certain resources, so that `*` is not all of them.
pub fn is_tied(statement: &Statement) -> bool {
    statement.unknown_condition
        || statement.conditions.iter().any(|c| {
            let key = c.key.raw().to_ascii_lowercase();
            let tail = key.split_once(':').map_or("", |(_, t)| t);
            TYING.contains(&tail)
                || ["resourcetag/", "requesttag/", "encryptioncontext"].iter().any(|t| tail.starts_with(t))
        })
}
