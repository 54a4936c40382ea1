//! See the page.
use iam_policy::arn::Arn;
use iam_policy::catalogue::Service;
use iam_policy::model::{NodeSpan, Policy, Principal, PrincipalType, is_key, members_at};
use iam_policy::{PolicyKind, pattern, spelling};
use source_text::{Member, Value};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::broken_variable::has_variable;

/// The rule.
pub static RULE: Rule = Rule {
    name: "invalid-principal",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_PRINCIPAL_FORMAT"),
    doc: include_str!("invalid_principal.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    policy.raw_statements().for_each(|(statement, at)| sorts(statement, at, reporter));
    for principal in policy.statements.iter().filter_map(|s| s.principals.as_ref()).flat_map(|p| &p.items) {
        let Some(name) = principal.item.text.as_known().filter(|n| !has_variable(n)) else { continue };
        match &principal.principal_type {
            PrincipalType::Everyone if name != "*" => {
                let message = format!("`{name}` stands where only `*` can");
                reporter.at(principal.item.at, message, "write `{\"AWS\": \"…\"}` or `{\"Service\": \"…\"}`");
            }
            PrincipalType::Everyone if policy.kind == PolicyKind::Trust => {
                let help = "name who may assume the role, as in `{\"AWS\": \"arn:aws:iam::111122223333:role/ci\"}`";
                reporter
                    .at(principal.item.at, "a trust policy does not take `\"Principal\": \"*\"`", help)
                    .aws("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL");
            }
            PrincipalType::Aws => aws(principal, name, reporter),
            PrincipalType::Service if !is_service(name) => service(principal, name, reporter),
            PrincipalType::Federated => federated(policy.kind, principal, name, reporter),
            PrincipalType::Other(sort) => {
                let message = format!("`{sort}` is no sort of principal");
                let help = spelling::closest(sort, SORTS.iter().copied())
                    .map_or_else(|| format!("take one of {}", SORTS.join(", ")), |n| format!("did you mean `{n}`?"));
                reporter.at(principal.item.at, message, help).aws("INVALID_PRINCIPAL_KEY");
            }
            _ => {}
        }
    }
}

const SORTS: &[&str] = &["AWS", "Service", "Federated", "CanonicalUser"];

/// Sorts that are right but for their case.
fn sorts(statement: &Value, at: NodeSpan, reporter: &mut Reporter<'_>) {
    let named = |m: &Member| is_key(m.key.raw(), "Principal") || is_key(m.key.raw(), "NotPrincipal");
    for (principals, at) in members_at(statement, at.node_path).filter(|(m, _)| named(m)) {
        for (member, at) in members_at(&principals.value, at.node_path) {
            let name = member.key.raw();
            let Some(meant) = SORTS.iter().find(|s| is_key(name, s) && **s != name) else { continue };
            reporter
                .at(
                    at,
                    format!("`{name}` is no sort of principal: sorts are case-sensitive"),
                    format!("write `{meant}`"),
                )
                .aws("INVALID_PRINCIPAL_KEY");
        }
    }
}

/// Whether a name has the shape of a service's; whether the service exists is another rule's question.
pub fn is_service(name: &str) -> bool {
    const ENDS: &[&str] = &[".amazonaws.com", ".amazonaws.com.cn", ".aws.internal", ".aws.amazon.com"];
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'));
    let skill = name.ends_with(".amazon.com") && Service::find(name.split('.').next().unwrap_or_default()).is_none();
    plain && (skill || ENDS.iter().any(|e| name.ends_with(e)))
}

fn service(principal: &Principal, name: &str, reporter: &mut Reporter<'_>) {
    let host = name.rsplit_once("//").map_or(name, |(_, host)| host);
    let label = host.split('.').next().unwrap_or_default().to_lowercase();
    let is_label = !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let help = format!("write it as in `{}.amazonaws.com`", if is_label { &label } else { "lambda" });
    let message = if pattern::has_wildcard(name) {
        format!("`{name}` has a wildcard, and services are named one by one")
    } else {
        format!("`{name}` is no name of a service")
    };
    reporter.at(principal.item.at, message, help).aws("INVALID_SERVICE_PRINCIPAL_FORMAT");
}

fn federated(kind: PolicyKind, principal: &Principal, name: &str, reporter: &mut Reporter<'_>) {
    if kind != PolicyKind::Trust {
        let message = format!("`{name}` vouches for people who assume a role, and cannot come to a resource itself");
        reporter
            .at(principal.item.at, message, "name the role that they assume, under `AWS`")
            .aws("FEDERATED_PRINCIPAL_NOT_SUPPORTED");
        return;
    }
    let is_host = name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let is_provider = Arn::parse(name).is_some_and(|a| {
        a.service == "iam" && (a.resource.starts_with("saml-provider/") || a.resource.starts_with("oidc-provider/"))
    });
    if !is_host && !is_provider && name != "*" {
        let message = format!("`{name}` is no identity provider");
        let help = "write the provider's ARN, as in `arn:aws:iam::111122223333:oidc-provider/example.com`";
        reporter.at(principal.item.at, message, help).aws("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY");
    }
}

/// Ids of users and roles, which a policy keeps when what they are of was deleted.
const IDS: &[(&str, &str, &str)] =
    &[("AROA", "role", "INVALID_ROLE_REFERENCE"), ("AIDA", "user", "INVALID_USER_REFERENCE")];

fn aws(principal: &Principal, name: &str, reporter: &mut Reporter<'_>) {
    let is_account = name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit());
    if name == "*" || is_account {
        return;
    }
    if name.len() >= 16 && name.starts_with('A') && name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        if let Some((_, what, code)) = IDS.iter().find(|(start, ..)| name.starts_with(start)) {
            let message =
                format!("`{name}` is the id of a {what}, which nobody has any more if the {what} was deleted");
            reporter
                .at(principal.item.at, message, format!("write the ARN of the {what}"))
                .severity(Severity::Warning)
                .aws(code);
        }
        return;
    }
    match Arn::parse(name) {
        Some(arn) if matches!(arn.service, "iam" | "sts" | "cloudfront") && pattern::has_wildcard(name) => {
            let message = format!("`{name}` has a wildcard in a principal");
            let help = "name each role, or name the account and add a condition on `aws:PrincipalArn`";
            reporter.at(principal.item.at, message, help).aws("UNSUPPORTED_WILDCARD_IN_PRINCIPAL");
        }
        Some(arn) if matches!(arn.service, "iam" | "sts") => person(principal, name, arn, reporter),
        _ => {
            let message = format!("`{name}` is no principal");
            reporter.at(principal.item.at, message, "write an account number, or the ARN of a user, role or session");
        }
    }
}

fn person(principal: &Principal, name: &str, arn: Arn<'_>, reporter: &mut Reporter<'_>) {
    const PEOPLE: &[&str] = &["role/", "user/", "assumed-role/", "federated-user/"];
    let numbered = arn.account.len() == 12 && arn.account.bytes().all(|b| b.is_ascii_digit());
    let (message, help) = if !numbered && arn.account != "cloudfront" {
        (format!("`{name}` has no account of twelve digits"), "write the account's number")
    } else if !arn.region.is_empty() {
        (format!("`{name}` has a region, and no ARN of IAM has one"), "leave the place of the region empty")
    } else if arn.resource.contains("-provider/") {
        (format!("`{name}` is an identity provider, which is no user, role or session"), "write it under `Federated`")
    } else if arn.resource != "root" && !PEOPLE.iter().any(|p| arn.resource.starts_with(p)) {
        (
            format!("`{name}` is no principal: it is neither a user nor a role, a session or an account"),
            "name a user, a role, a session, or the account as in `arn:aws:iam::111122223333:root`",
        )
    } else {
        return;
    };
    reporter.at(principal.item.at, message, help);
}
