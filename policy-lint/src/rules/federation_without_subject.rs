use iam_policy::model::{Condition, Item, Policy, PrincipalType, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
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
            check_provider(statement, &principal.item, reporter);
        }
    }
}

fn check_provider(statement: &Statement, provider: &Item, reporter: &mut Reporter<'_>) {
    let name = provider.raw();
    if name.contains(":saml-provider/") || statement.unknown_condition || !provider.text.is_known() {
        return;
    }
    let host = name.rsplit_once("oidc-provider/").map_or(name, |(_, h)| h);
    let claims = Claims { statement, host };
    let audience = claims.all(&["aud", "app_id", "oaud"]).next().is_some();
    match claims.restricting(SUBJECT_CLAIMS).next() {
        Some(condition) if report_broad_subject(condition, host, reporter) || audience => return,
        Some(_) => {}
        None if claims.restricting(&["aud", "app_id"]).any(restricts_audience)
            && !SHARED_PROVIDERS.iter().any(|s| host.contains(s)) =>
        {
            return;
        }
        None => return report_missing_subject(&claims, provider, reporter),
    }
    let message = format!("tokens that `{host}` issued for any audience are accepted");
    reporter
        .at(provider.at, message, format!("add a condition on `{host}:aud`, as in `sts.amazonaws.com`"))
        .severity(Severity::Warning);
}

/// Claims that identify the subject of a token.
const SUBJECT_CLAIMS: &[&str] =
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

    /// The conditions that reject a token without the claim or with another value.
    fn restricting(&self, wanted: &'a [&'a str]) -> impl Iterator<Item = &'a Condition> {
        self.all(wanted).filter(|c| !matches_absent_claim(c))
    }
}

fn matches_absent_claim(condition: &Condition) -> bool {
    let all = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAllValues"));
    all || condition.is_negative() || condition.if_exists() || condition.base().eq_ignore_ascii_case("Null")
}

fn restricts_audience(condition: &Condition) -> bool {
    condition.incomplete || condition.values.iter().any(|v| !has_open_owner(v.raw()))
}

fn report_missing_subject(claims: &Claims<'_>, provider: &Item, reporter: &mut Reporter<'_>) {
    let host = claims.host;
    if let Some(condition) = claims.all(SUBJECT_CLAIMS).next() {
        let (operator, key) = (&condition.operator.text, &condition.key.text);
        let message = format!("`{operator}` on `{key}` also matches every subject that it does not name");
        reporter.at(condition.key.at, message, "name the allowed subjects with `StringEquals` or `StringLike`");
        return;
    }
    let message = format!("the role can be assumed with any token that `{host}` issues");
    let keys = if host == "cognito-identity.amazonaws.com" { ["aud", "amr"] } else { ["sub", "aud"] };
    reporter.at(provider.at, message, format!("add conditions on `{host}:{}` and `{host}:{}`", keys[0], keys[1]));
}

/// Reports a condition whose subject pattern is too broad; returns whether it did.
fn report_broad_subject(condition: &Condition, host: &str, reporter: &mut Reporter<'_>) -> bool {
    let is_github = host.contains("token.actions.githubusercontent.com");
    let broad = |v: &&Item| v.raw().strip_prefix("repo:").is_some_and(|r| r.ends_with("/*"));
    if let Some(value) = condition.values.iter().find(|v| has_open_owner(v.raw())) {
        let message = format!("`{}` also matches subjects of other owners", value.text);
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
        let message = format!("`{}` matches every repository of the organization", value.text);
        reporter
            .at(value.at, message, "name the repository and the branch or environment")
            .severity(Severity::Warning)
            .aws("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED");
        true
    } else {
        false
    }
}

/// Providers that issue tokens for the same audience to many customers: only the subject identifies the caller.
const SHARED_PROVIDERS: &[&str] =
    &["token.actions.githubusercontent.com", "oidc.eks.", "gitlab.com", "app.terraform.io", "agent.buildkite.com"];

/// The prefixes before the owner in the subjects of well-known providers.
const OWNER_PREFIXES: &[&str] = &["repo:", "project_path:", "organization:", "system:serviceaccount:"];

/// Whether a subject pattern does not name the owner: `*`, `repo:*`, `repo:ac*`, `repo:*/name:…`.
fn has_open_owner(value: &str) -> bool {
    let Some(owned) = OWNER_PREFIXES.iter().find_map(|o| value.strip_prefix(o)) else {
        return value.starts_with('*') || value.is_empty();
    };
    let owner = owned.split(['/', ':']).next().unwrap_or_default();
    owner.is_empty() || pattern::has_wildcard(owner)
}
