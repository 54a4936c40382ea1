//! See the page.
use iam_policy::PolicyKind;
use iam_policy::model::{Item, NodeSpan, Policy, Statement};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "unsupported-element",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_PRINCIPAL"),
    doc: include_str!("unsupported_element.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in &policy.statements {
        match policy.kind {
            PolicyKind::Identity | PolicyKind::Scp => principal(statement, reporter),
            PolicyKind::Trust => trust(statement, reporter),
            PolicyKind::Rcp => resource_control(statement, reporter),
            PolicyKind::Ecr if policy.origin.resource_type != REGISTRY => repository(statement, reporter),
            _ => {}
        }
    }
}

fn principal(statement: &Statement, reporter: &mut Reporter<'_>) {
    if let Some(principals) = &statement.principals {
        reporter.at(
            principals.key,
            "an identity policy names no principal: it is about whoever it is attached to",
            "remove `Principal`, or attach the policy to the resource",
        );
    }
}

fn trust(statement: &Statement, reporter: &mut Reporter<'_>) {
    if statement.principals.is_none() {
        return;
    }
    if let Some(resources) = &statement.resources {
        let message = "a trust policy names no resource: it is about its own role";
        reporter.at(resources.key, message, "remove `Resource`").aws("UNSUPPORTED_RESOURCE");
    }
    if let Some(principals) = statement.principals.as_ref().filter(|p| p.negated) {
        let message = "a trust policy takes no `NotPrincipal`";
        reporter.at(principals.key, message, "name who may assume the role under `Principal`");
    }
}

/// The carrier of a registry's policy, which names repositories.
const REGISTRY: &str = "aws_ecr_registry_policy";

/// Actions that only the policy of a registry speaks of.
const OF_REGISTRIES: &[&str] = &["ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:ReplicateImage"];

fn repository(statement: &Statement, reporter: &mut Reporter<'_>) {
    let of_registry = |i: &Item| OF_REGISTRIES.iter().any(|a| a.eq_ignore_ascii_case(i.raw()));
    let Some(resources) = statement.resources.as_ref() else { return };
    if !statement.action_items().iter().any(of_registry) {
        let message = "a repository's policy names no resource: it is about its own repository";
        let named = if resources.negated { "NotResource" } else { "Resource" };
        reporter.at(resources.key, message, format!("remove `{named}`")).aws("UNSUPPORTED_RESOURCE");
    }
}

fn resource_control(statement: &Statement, reporter: &mut Reporter<'_>) {
    let at = |e: Option<NodeSpan>| e.unwrap_or(statement.head);
    if statement.allows() {
        reporter.at(statement.head, "a resource control policy only denies", "write `\"Effect\": \"Deny\"`");
    }
    if let Some(actions) = statement.actions.as_ref().filter(|a| a.negated) {
        let message = "a resource control policy takes no `NotAction`";
        reporter.at(actions.key, message, "list what it denies under `Action`").aws("RCP_SYNTAX_ERROR_NOTACTION");
    }
    let everyone = |p: &iam_policy::model::Principals| !p.negated && p.items.iter().all(|i| i.is_everyone());
    if let Some(principals) = statement.principals.as_ref().filter(|p| !everyone(p)) {
        let message = "a resource control policy is about everybody";
        reporter.at(
            at(Some(principals.key)),
            message,
            "write `\"Principal\": \"*\"` and name exceptions in a condition",
        );
    }
}
