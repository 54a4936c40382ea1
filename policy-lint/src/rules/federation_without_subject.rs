//! See the page.
use crate::model::{Condition, Item, Kind, Policy, Sort, Statement};
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "federation-without-subject",
    family: Family::Exposure,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL"),
    doc: include_str!("federation_without_subject.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if policy.kind != Kind::Trust {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.sort == Sort::Federated) {
            judge(statement, &principal.item, out);
        }
    }
}

fn judge(statement: &Statement, provider: &Item, out: &mut Out<'_>) {
    let name = provider.raw();
    if name.contains(":saml-provider/") || statement.unknown_condition || !provider.text.is_known() {
        return;
    }
    let is_github = name.contains("token.actions.githubusercontent.com");
    let is_shared = SHARED.iter().any(|s| name.contains(s));
    let on = |tail: &'static str| {
        statement.conditions.iter().filter(move |c| c.key.raw().to_ascii_lowercase().ends_with(tail))
    };
    let narrowed =
        |c: &Condition| !c.is_negative() && !c.if_exists() && (c.incomplete || c.values.iter().any(|v| !open(v.raw())));
    let subject = on(":sub").next();
    match subject {
        Some(condition) => {
            let broad = |v: &&Item| v.raw().strip_prefix("repo:").is_some_and(|r| r.ends_with("/*"));
            if let Some(value) = condition.values.iter().find(|v| open(v.raw())) {
                let message = format!("`{}` lets in subjects that nobody here owns", value.text);
                let finding = out.at(
                    value.at,
                    message,
                    "name the organization and the repository, as in `repo:org/name:ref:refs/heads/main`",
                );
                if is_github {
                    finding.aws("MISSING_GITHUB_REPO_CONDITION_KEY");
                }
            } else if let Some(value) = condition.values.iter().find(broad) {
                let message = format!("`{}` lets in every repository of the organization", value.text);
                let help = "name the repository and the branch or environment";
                out.at(value.at, message, help)
                    .severity(Severity::Note)
                    .persona(Persona::Pedantic)
                    .aws("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED");
            }
        }
        None if on(":aud").any(narrowed) && !is_shared => {}
        None => {
            let host = name.rsplit_once("oidc-provider/").map_or(name, |(_, h)| h);
            let message = format!("the role trusts `{host}` for whoever it vouches for");
            let pool = host == "cognito-identity.amazonaws.com";
            let keys = if pool { ["aud", "amr"] } else { ["sub", "aud"] };
            out.at(provider.at, message, format!("add conditions on `{host}:{}` and `{host}:{}`", keys[0], keys[1]));
        }
    }
}

/// Providers at which others get tokens for the same audience: only the subject tells who comes.
const SHARED: &[&str] =
    &["token.actions.githubusercontent.com", "oidc.eks.", "gitlab.com", "app.terraform.io", "agent.buildkite.com"];

/// Whether a pattern of a subject leaves the owner open: `*`, `repo:*`, `repo:ac*`, `repo:*/name:…`.
fn open(value: &str) -> bool {
    let Some(repository) = value.strip_prefix("repo:") else { return value.starts_with('*') || value.is_empty() };
    let owner = repository.split('/').next().unwrap_or_default();
    owner.is_empty() || pattern::has_wildcard(owner)
}
