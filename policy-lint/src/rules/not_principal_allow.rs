use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "not-principal-allow",
    family: Family::Exposure,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("ALLOW_WITH_NOT_PRINCIPAL"),
    doc: include_str!("not_principal_allow.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        if let Some(principals) = statement.principals.as_ref().filter(|p| p.negated) {
            reporter.at(
                principals.key,
                "`NotPrincipal` with `Allow` grants access to every principal except those it names",
                "name the allowed principals under `Principal`",
            );
        }
    }
}
