//! See the page.
use crate::model::{Kind, Policy, Sort};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "service-principal-for-role",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("service_principal_for_role.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if !matches!(policy.kind, Kind::Kms | Kind::S3 | Kind::Sns | Kind::Sqs | Kind::Secret) {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.sort == Sort::Service && p.item.raw() == "lambda.amazonaws.com") {
            out.at(
                principal.item.at,
                "a function calls other services as its role, never as `lambda.amazonaws.com`",
                "allow the action in the policy of the role, or name the role under `AWS` for another account",
            );
        }
    }
}
