//! See the page.
use crate::model::{Kind, Policy, Sort, Statement};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "whole-account-trust",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("whole_account_trust.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if policy.kind != Kind::Trust {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows() && !is_told_apart(s)) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.sort == Sort::Aws) {
            let Some(name) = principal.item.text.as_known() else { continue };
            let is_account = name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit());
            if is_account || name.starts_with("arn:") && name.ends_with(":root") {
                out.at(
                    principal.item.at,
                    format!("everybody in account `{}` may assume the role", name.split(':').nth(4).unwrap_or(name)),
                    "name a role, or add a condition on `sts:ExternalId` (a vendor) or `aws:PrincipalOrgID` (your organization)",
                );
            }
        }
    }
}

fn is_told_apart(statement: &Statement) -> bool {
    let keys = [
        "sts:externalid",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalarn",
        "aws:multifactorauthpresent",
        "aws:multifactorauthage",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:username",
    ];
    statement.unknown_condition
        || statement.conditions.iter().any(|c| {
            let key = c.key.raw().to_ascii_lowercase();
            keys.contains(&key.as_str()) || key.starts_with("aws:principaltag/")
        })
}
