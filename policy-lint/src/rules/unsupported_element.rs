//! See the page.
use crate::model::{At, Kind, Policy, Statement};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

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

fn check(policy: &Policy, out: &mut Out<'_>) {
    for statement in &policy.statements {
        match policy.kind {
            Kind::Identity | Kind::Scp => principal(statement, out),
            Kind::Trust => trust(statement, out),
            Kind::Rcp => resource_control(statement, out),
            _ => {}
        }
    }
}

fn principal(statement: &Statement, out: &mut Out<'_>) {
    if let Some(principals) = &statement.principals {
        out.at(
            principals.key,
            "an identity policy names no principal: it is about whoever it is attached to",
            "remove `Principal`, or attach the policy to the resource",
        );
    }
}

fn trust(statement: &Statement, out: &mut Out<'_>) {
    if statement.principals.is_none() {
        return;
    }
    if let Some(resources) = &statement.resources {
        let message = "a trust policy names no resource: it is about its own role";
        out.at(resources.key, message, "remove `Resource`").aws("UNSUPPORTED_RESOURCE");
    }
    if let Some(principals) = statement.principals.as_ref().filter(|p| p.negated) {
        let message = "a trust policy takes no `NotPrincipal`";
        out.at(principals.key, message, "name who may assume the role under `Principal`");
    }
}

fn resource_control(statement: &Statement, out: &mut Out<'_>) {
    let at = |e: Option<At>| e.unwrap_or(statement.head);
    if statement.allows() {
        out.at(statement.head, "a resource control policy only denies", "write `\"Effect\": \"Deny\"`");
    }
    let everyone = |p: &crate::model::Principals| !p.negated && p.items.iter().all(|i| i.is_everyone());
    if let Some(principals) = statement.principals.as_ref().filter(|p| !everyone(p)) {
        let message = "a resource control policy is about everybody";
        out.at(at(Some(principals.key)), message, "write `\"Principal\": \"*\"` and name exceptions in a condition");
    }
}
