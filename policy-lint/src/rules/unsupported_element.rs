use iam_policy::PolicyKind;
use iam_policy::model::{Item, NodeSpan, Policy, Statement};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
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
            PolicyKind::Identity | PolicyKind::Scp => check_identity_policy(statement, reporter),
            PolicyKind::Trust => check_trust_policy(statement, reporter),
            PolicyKind::Rcp => check_resource_control_policy(statement, reporter),
            PolicyKind::Ecr if policy.origin.resource_type != REGISTRY => check_repository_policy(statement, reporter),
            _ => {}
        }
    }
}

fn check_identity_policy(statement: &Statement, reporter: &mut Reporter<'_>) {
    if let Some(principals) = &statement.principals {
        reporter.at(
            principals.key,
            "an identity policy does not support a principal: it applies to the identity it is attached to",
            "remove `Principal`, or attach the policy to the resource",
        );
    }
}

fn check_trust_policy(statement: &Statement, reporter: &mut Reporter<'_>) {
    if statement.principals.is_none() {
        return;
    }
    if let Some(resources) = &statement.resources {
        let message = "a trust policy does not support a resource: it applies to its own role";
        reporter.at(resources.key, message, "remove `Resource`").aws("UNSUPPORTED_RESOURCE");
    }
    if let Some(principals) = statement.principals.as_ref().filter(|p| p.negated) {
        let message = "a trust policy does not support `NotPrincipal`";
        reporter.at(principals.key, message, "name the principals that may assume the role under `Principal`");
    }
}

/// The Terraform resource of a registry policy, which does name repositories.
const REGISTRY: &str = "aws_ecr_registry_policy";

/// Actions that only registry policies accept.
const REGISTRY_ACTIONS: &[&str] = &["ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:ReplicateImage"];

fn check_repository_policy(statement: &Statement, reporter: &mut Reporter<'_>) {
    let of_registry = |i: &Item| REGISTRY_ACTIONS.iter().any(|a| a.eq_ignore_ascii_case(i.raw()));
    let Some(resources) = statement.resources.as_ref() else { return };
    if !statement.action_items().iter().any(of_registry) {
        let message = "a repository policy does not support a resource: it applies to its own repository";
        let named = if resources.negated { "NotResource" } else { "Resource" };
        reporter.at(resources.key, message, format!("remove `{named}`")).aws("UNSUPPORTED_RESOURCE");
    }
}

fn check_resource_control_policy(statement: &Statement, reporter: &mut Reporter<'_>) {
    let at = |e: Option<NodeSpan>| e.unwrap_or(statement.head);
    if statement.allows() {
        reporter.at(statement.head, "a resource control policy may only deny", "write `\"Effect\": \"Deny\"`");
    }
    if let Some(actions) = statement.actions.as_ref().filter(|a| a.negated) {
        let message = "a resource control policy does not support `NotAction`";
        reporter.at(actions.key, message, "list the denied actions under `Action`").aws("RCP_SYNTAX_ERROR_NOTACTION");
    }
    let everyone = |p: &iam_policy::model::Principals| !p.negated && p.items.iter().all(|i| i.is_everyone());
    if let Some(principals) = statement.principals.as_ref().filter(|p| !everyone(p)) {
        let message = "a resource control policy must apply to every principal";
        reporter.at(
            at(Some(principals.key)),
            message,
            "write `\"Principal\": \"*\"` and put exceptions in a condition",
        );
    }
}
