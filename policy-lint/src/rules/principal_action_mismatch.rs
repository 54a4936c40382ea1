use iam_policy::PolicyKind;
use iam_policy::model::{Policy, Principal, PrincipalType, Statement};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "principal-action-mismatch",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("MISMATCHED_ACTION_FOR_PRINCIPAL"),
    doc: include_str!("principal_action_mismatch.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Trust {
        return;
    }
    check_roles_anywhere(policy, reporter);
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let principals: Vec<&Principal> =
            statement.principals.iter().filter(|p| !p.negated && !p.incomplete).flat_map(|p| &p.items).collect();
        for item in statement.action_items() {
            let Some((action, wanted)) = CALLERS_BY_ACTION.iter().find(|(a, _)| a.eq_ignore_ascii_case(item.raw()))
            else {
                continue;
            };
            if !principals.is_empty() && !principals.iter().any(|p| wanted.fits(p)) {
                let first = principals[0];
                let message = format!("`{}` cannot call `{action}`, which is for {}", first.item.text, wanted.word());
                let help = format!("use `{}`", action_for(first));
                reporter.at(item.at, message, help).related(first.item.at.span, "the principal is here");
            }
        }
    }
}

/// The actions that IAM Roles Anywhere always calls to create a session.
const ROLES_ANYWHERE_ACTIONS: &[&str] = &["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

fn check_roles_anywhere(policy: &Policy, reporter: &mut Reporter<'_>) {
    const SERVICE: &str = "rolesanywhere.amazonaws.com";
    let names_service = |s: &&Statement| s.principals.iter().flat_map(|p| &p.items).any(|p| p.item.raw() == SERVICE);
    let statements: Vec<&Statement> = policy.statements.iter().filter(|s| s.allows()).filter(names_service).collect();
    let missing: Vec<&str> =
        ROLES_ANYWHERE_ACTIONS.iter().copied().filter(|a| !statements.iter().any(|s| s.applies_to_action(a))).collect();
    let first = statements.first().and_then(|s| s.actions.as_ref()).filter(|a| !missing.is_empty() && !a.incomplete);
    if let Some(actions) = first {
        let message = format!(
            "`{SERVICE}` also requires {}",
            missing.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(" and ")
        );
        reporter
            .at(
                actions.key,
                message,
                "allow all three; IAM Roles Anywhere uses them to pass certificate attributes to the session",
            )
            .aws("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY");
    }
}

/// The principals that can call an action.
enum Callers {
    Signed,
    Web,
    Saml,
}

const CALLERS_BY_ACTION: &[(&str, Callers)] = &[
    ("sts:AssumeRole", Callers::Signed),
    ("sts:AssumeRoleWithWebIdentity", Callers::Web),
    ("sts:AssumeRoleWithSAML", Callers::Saml),
];

impl Callers {
    fn fits(&self, principal: &Principal) -> bool {
        let federated = principal.principal_type == PrincipalType::Federated;
        let saml = principal.item.raw().contains(":saml-provider/");
        let open = !principal.item.text.is_known() || principal.is_everyone();
        match self {
            Callers::Signed => !federated,
            Callers::Web => open || federated && !saml,
            Callers::Saml => open || federated && saml,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Callers::Signed => "accounts, roles, users and services",
            Callers::Web => "OIDC identity providers",
            Callers::Saml => "SAML identity providers",
        }
    }
}

fn action_for(principal: &Principal) -> &'static str {
    match &principal.principal_type {
        PrincipalType::Federated if principal.item.raw().contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
        PrincipalType::Federated => "sts:AssumeRoleWithWebIdentity",
        _ => "sts:AssumeRole",
    }
}
