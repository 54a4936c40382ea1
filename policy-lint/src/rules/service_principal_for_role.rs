use iam_policy::PolicyKind;
use iam_policy::model::{Policy, PrincipalType};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "service-principal-for-role",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("service_principal_for_role.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if !matches!(policy.kind, PolicyKind::Kms | PolicyKind::S3 | PolicyKind::Sns | PolicyKind::Sqs | PolicyKind::Secret)
    {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in
            principals.filter(|p| p.principal_type == PrincipalType::Service && p.item.raw() == "lambda.amazonaws.com")
        {
            reporter.at(
                principal.item.at,
                "a function calls other services as its role, never as `lambda.amazonaws.com`",
                "allow the action in the policy of the role, or name the role under `AWS` for another account",
            );
        }
    }
}
