//! See the page.
use iam_policy::model::{Condition, Item, Policy, PrincipalType, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

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

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Trust {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.principal_type == PrincipalType::Federated) {
            judge(statement, &principal.item, reporter);
        }
    }
}

fn judge(statement: &Statement, provider: &Item, reporter: &mut Reporter<'_>) {
    let name = provider.raw();
    if name.contains(":saml-provider/") || statement.unknown_condition || !provider.text.is_known() {
        return;
    }
    let host = name.rsplit_once("oidc-provider/").map_or(name, |(_, h)| h);
    let claims = Claims { statement, host };
    let audience = claims.all(&["aud", "app_id", "oaud"]).next().is_some();
    match claims.met_by_some(SUBJECTS).next() {
        Some(condition) if subject(condition, host, reporter) || audience => return,
        Some(_) => {}
        None if claims.met_by_some(&["aud", "app_id"]).any(is_narrow) && !SHARED.iter().any(|s| host.contains(s)) => {
            return;
        }
        None => return without_subject(&claims, provider, reporter),
    }
    let message = format!("tokens that `{host}` gave for any other audience are taken too");
    reporter
        .at(provider.at, message, format!("add a condition on `{host}:aud`, as in `sts.amazonaws.com`"))
        .severity(Severity::Warning);
}

/// Claims of a token that say who has it.
const SUBJECTS: &[&str] =
    &["sub", "job_workflow_ref", "repository", "repository_id", "repository_owner", "repository_owner_id"];

/// The conditions of a statement on the claims of a provider's tokens.
struct Claims<'a> {
    statement: &'a Statement,
    host: &'a str,
}

impl<'a> Claims<'a> {
    fn all(&self, wanted: &'a [&'a str]) -> impl Iterator<Item = &'a Condition> {
        let host = self.host;
        self.statement.conditions.iter().filter(move |c| {
            let (prefix, claim) = c.key.raw().rsplit_once(':').unwrap_or_default();
            let own = !c.key.text.is_known() || prefix.eq_ignore_ascii_case(host);
            own && wanted.iter().any(|w| w.eq_ignore_ascii_case(claim))
        })
    }

    /// Those that a token without the claim, or with another value, does not meet.
    fn met_by_some(&self, wanted: &'a [&'a str]) -> impl Iterator<Item = &'a Condition> {
        self.all(wanted).filter(|c| !lets_others_in(c))
    }
}

fn lets_others_in(condition: &Condition) -> bool {
    let all = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAllValues"));
    all || condition.is_negative() || condition.if_exists() || condition.base().eq_ignore_ascii_case("Null")
}

fn is_narrow(condition: &Condition) -> bool {
    condition.incomplete || condition.values.iter().any(|v| !open(v.raw()))
}

fn without_subject(claims: &Claims<'_>, provider: &Item, reporter: &mut Reporter<'_>) {
    let host = claims.host;
    if let Some(condition) = claims.all(SUBJECTS).next() {
        let (operator, key) = (&condition.operator.text, &condition.key.text);
        let message = format!("`{operator}` on `{key}` lets in everybody whom it does not name");
        reporter.at(condition.key.at, message, "name who may come, under `StringEquals` or `StringLike`");
        return;
    }
    let message = format!("the role trusts `{host}` for whoever it vouches for");
    let keys = if host == "cognito-identity.amazonaws.com" { ["aud", "amr"] } else { ["sub", "aud"] };
    reporter.at(provider.at, message, format!("add conditions on `{host}:{}` and `{host}:{}`", keys[0], keys[1]));
}

/// Whether what a condition says of the subject was worth a word.
fn subject(condition: &Condition, host: &str, reporter: &mut Reporter<'_>) -> bool {
    let is_github = host.contains("token.actions.githubusercontent.com");
    let broad = |v: &&Item| v.raw().strip_prefix("repo:").is_some_and(|r| r.ends_with("/*"));
    if let Some(value) = condition.values.iter().find(|v| open(v.raw())) {
        let message = format!("`{}` lets in subjects that nobody here owns", value.text);
        let help = if is_github {
            "name the organization and the repository, as in `repo:org/name:ref:refs/heads/main`"
        } else {
            "name the owner before any wildcard, as in `system:serviceaccount:namespace:name`"
        };
        let finding = reporter.at(value.at, message, help);
        if is_github {
            finding.aws("MISSING_GITHUB_REPO_CONDITION_KEY");
        }
        true
    } else if let Some(value) = condition.values.iter().find(broad) {
        let message = format!("`{}` lets in every repository of the organization", value.text);
        reporter
            .at(value.at, message, "name the repository and the branch or environment")
            .severity(Severity::Warning)
            .aws("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED");
        true
    } else {
        false
    }
}

/// Providers at which others get tokens for the same audience: only the subject tells who comes.
const SHARED: &[&str] =
    &["token.actions.githubusercontent.com", "oidc.eks.", "gitlab.com", "app.terraform.io", "agent.buildkite.com"];

/// What stands before the owner in subjects of well-known providers.
const OWNERS: &[&str] = &["repo:", "project_path:", "organization:", "system:serviceaccount:"];

/// Whether a pattern of a subject leaves the owner open: `*`, `repo:*`, `repo:ac*`, `repo:*/name:…`.
fn open(value: &str) -> bool {
    let Some(owned) = OWNERS.iter().find_map(|o| value.strip_prefix(o)) else {
        return value.starts_with('*') || value.is_empty();
    };
    let owner = owned.split(['/', ':']).next().unwrap_or_default();
    owner.is_empty() || pattern::has_wildcard(owner)
}
