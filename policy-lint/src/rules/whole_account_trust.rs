use iam_policy::PolicyKind;
use iam_policy::arn::Arn;
use iam_policy::model::{PrincipalType, Statement};

use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "whole-account-trust",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("whole_account_trust.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for policy in project.policies.iter().filter(|p| p.kind == PolicyKind::Trust) {
        for statement in policy.statements.iter().filter(|s| s.allows() && !restricts_callers(s)) {
            let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
            for principal in principals.filter(|p| p.principal_type == PrincipalType::Aws) {
                let Some(account) = principal.item.text.as_known().and_then(whole_account) else { continue };
                let message = format!("any principal in account `{account}` may assume the role");
                let help = "name a role, or add a condition on `sts:ExternalId` (a vendor) or `aws:PrincipalOrgID` (your organization)";
                let finding = reporter.policy(policy, principal.item.at, message, help);
                if is_own_account(account, project) {
                    // Within one account, an identity policy must allow the call as well.
                    finding.severity(Severity::Note).persona(Persona::Auditor);
                }
            }
        }
    }
}

/// The account ID if the principal is a whole account.
fn whole_account(name: &str) -> Option<&str> {
    let is_account = name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit());
    let root = name.starts_with("arn:") && name.ends_with(":root");
    is_account.then_some(name).or_else(|| name.split(':').nth(4).filter(|_| root))
}

/// Whether an account is that of the configuration: its identity policies name resources of the account.
fn is_own_account(account: &str, project: &Project) -> bool {
    let identity = project.policies.iter().filter(|p| p.kind == PolicyKind::Identity);
    let mut resources = identity.flat_map(|p| &p.statements).flat_map(|s| s.resource_items());
    let elsewhere = |service: &str| matches!(service, "sts" | "iam");
    resources.any(|r| Arn::parse(r.raw()).is_some_and(|a| a.account == account && !elsewhere(a.service)))
}

fn restricts_callers(statement: &Statement) -> bool {
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
        "sts:rolesessionname",
        "sts:sourceidentity",
    ];
    statement.unknown_condition
        || statement.conditions.iter().any(|c| {
            let key = c.key.raw().to_ascii_lowercase();
            let asked = keys.contains(&key.as_str()) || key.starts_with("aws:principaltag/");
            asked && !c.is_negative() && !c.if_exists() && !c.base().eq_ignore_ascii_case("Null")
        })
}
