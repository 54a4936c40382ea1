use iam_policy::arn::Arn;
use iam_policy::catalogue::Service;
use iam_policy::model::{NodeSpan, Policy, Principal, PrincipalType, is_key, members_at};
use iam_policy::{PolicyKind, pattern, spelling};
use source_text::{Member, Value};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::broken_variable::has_variable;

pub(crate) static RULE: Rule = Rule {
    name: "invalid-principal",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_PRINCIPAL_FORMAT"),
    doc: include_str!("invalid_principal.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    policy.raw_statements().for_each(|(statement, at)| check_types(statement, at, reporter));
    for principal in policy.statements.iter().filter_map(|s| s.principals.as_ref()).flat_map(|p| &p.items) {
        let Some(name) = principal.item.text.as_known().filter(|n| !has_variable(n)) else { continue };
        match &principal.principal_type {
            PrincipalType::Everyone if name != "*" => {
                let message = format!("`{name}` is not a valid principal: only `*` may be given without a type");
                reporter.at(principal.item.at, message, "write `{\"AWS\": \"…\"}` or `{\"Service\": \"…\"}`");
            }
            PrincipalType::Everyone if policy.kind == PolicyKind::Trust => {
                let help = "name who may assume the role, as in `{\"AWS\": \"arn:aws:iam::111122223333:role/ci\"}`";
                reporter
                    .at(principal.item.at, "a trust policy does not support `\"Principal\": \"*\"`", help)
                    .aws("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL");
            }
            PrincipalType::Aws => check_aws(principal, name, reporter),
            PrincipalType::Service if !is_service(name) => check_service(principal, name, reporter),
            PrincipalType::Federated => check_federated(policy.kind, principal, name, reporter),
            PrincipalType::Other(name) => {
                let message = format!("`{name}` is not a valid principal type");
                let help = spelling::closest(name, TYPES.iter().copied())
                    .map_or_else(|| format!("use one of {}", TYPES.join(", ")), |n| format!("did you mean `{n}`?"));
                reporter.at(principal.item.at, message, help).aws("INVALID_PRINCIPAL_KEY");
            }
            _ => {}
        }
    }
}

const TYPES: &[&str] = &["AWS", "Service", "Federated", "CanonicalUser"];

/// Reports principal types that differ from a valid one only in case.
fn check_types(statement: &Value, at: NodeSpan, reporter: &mut Reporter<'_>) {
    let named = |m: &Member| is_key(m.key.raw(), "Principal") || is_key(m.key.raw(), "NotPrincipal");
    for (principals, at) in members_at(statement, at.node_path).filter(|(m, _)| named(m)) {
        for (member, at) in members_at(&principals.value, at.node_path) {
            let name = member.key.raw();
            let Some(suggested) = TYPES.iter().find(|s| is_key(name, s) && **s != name) else { continue };
            reporter
                .at(
                    at,
                    format!("`{name}` is not a valid principal type: types are case-sensitive"),
                    format!("write `{suggested}`"),
                )
                .aws("INVALID_PRINCIPAL_KEY");
        }
    }
}

/// Whether a name has the format of a service principal; whether the service exists is checked by
/// `unknown-service-principal`.
pub(crate) fn is_service(name: &str) -> bool {
    const ENDS: &[&str] = &[".amazonaws.com", ".amazonaws.com.cn", ".aws.internal", ".aws.amazon.com"];
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'));
    let skill = name.ends_with(".amazon.com") && Service::find(name.split('.').next().unwrap_or_default()).is_none();
    plain && (skill || ENDS.iter().any(|e| name.ends_with(e)))
}

fn check_service(principal: &Principal, name: &str, reporter: &mut Reporter<'_>) {
    let host = name.rsplit_once("//").map_or(name, |(_, host)| host);
    let label = host.split('.').next().unwrap_or_default().to_lowercase();
    let is_label = !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let help = format!("write it as in `{}.amazonaws.com`", if is_label { &label } else { "lambda" });
    let message = if pattern::has_wildcard(name) {
        format!("`{name}` has a wildcard, which service principals do not support")
    } else {
        format!("`{name}` is not a valid service principal")
    };
    reporter.at(principal.item.at, message, help).aws("INVALID_SERVICE_PRINCIPAL_FORMAT");
}

fn check_federated(kind: PolicyKind, principal: &Principal, name: &str, reporter: &mut Reporter<'_>) {
    if kind != PolicyKind::Trust {
        let message = format!("`{name}` is an identity provider, which only a trust policy supports as a principal");
        reporter
            .at(principal.item.at, message, "name the role that its users assume, under `AWS`")
            .aws("FEDERATED_PRINCIPAL_NOT_SUPPORTED");
        return;
    }
    let is_host = name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let is_provider = Arn::parse(name).is_some_and(|a| {
        a.service == "iam" && (a.resource.starts_with("saml-provider/") || a.resource.starts_with("oidc-provider/"))
    });
    if !is_host && !is_provider && name != "*" {
        let message = format!("`{name}` is not a valid identity provider");
        let help = "write the provider's ARN, as in `arn:aws:iam::111122223333:oidc-provider/example.com`";
        reporter.at(principal.item.at, message, help).aws("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY");
    }
}

/// Prefixes of the unique IDs that replace the ARN of a user or role in a policy once it is deleted.
const ID_PREFIXES: &[(&str, &str, &str)] =
    &[("AROA", "role", "INVALID_ROLE_REFERENCE"), ("AIDA", "user", "INVALID_USER_REFERENCE")];

fn check_aws(principal: &Principal, name: &str, reporter: &mut Reporter<'_>) {
    let is_account = name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit());
    if name == "*" || is_account {
        return;
    }
    if name.len() >= 16 && name.starts_with('A') && name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        if let Some((_, what, code)) = ID_PREFIXES.iter().find(|(start, ..)| name.starts_with(start)) {
            let message =
                format!("`{name}` is the unique ID of a {what}, which is left behind when the {what} is deleted");
            reporter
                .at(principal.item.at, message, format!("write the ARN of the {what}"))
                .severity(Severity::Warning)
                .aws(code);
        }
        return;
    }
    match Arn::parse(name) {
        Some(arn) if matches!(arn.service, "iam" | "sts" | "cloudfront") && pattern::has_wildcard(name) => {
            let message = format!("`{name}` has a wildcard, which principals do not support");
            let help = "name each role, or name the account and add a condition on `aws:PrincipalArn`";
            reporter.at(principal.item.at, message, help).aws("UNSUPPORTED_WILDCARD_IN_PRINCIPAL");
        }
        Some(arn) if matches!(arn.service, "iam" | "sts") => check_iam_arn(principal, name, arn, reporter),
        _ => {
            let message = format!("`{name}` is not a valid principal");
            reporter.at(principal.item.at, message, "write an account ID, or the ARN of a user, role or session");
        }
    }
}

fn check_iam_arn(principal: &Principal, name: &str, arn: Arn<'_>, reporter: &mut Reporter<'_>) {
    const PREFIXES: &[&str] = &["role/", "user/", "assumed-role/", "federated-user/"];
    let numbered = arn.account.len() == 12 && arn.account.bytes().all(|b| b.is_ascii_digit());
    let (message, help) = if !numbered && arn.account != "cloudfront" {
        (format!("`{name}` has no twelve-digit account ID"), "write the account ID")
    } else if !arn.region.is_empty() {
        (format!("`{name}` has a region, which no ARN of IAM has"), "leave the region empty")
    } else if arn.resource.contains("-provider/") {
        (format!("`{name}` is an identity provider, not a user, role or session"), "write it under `Federated`")
    } else if arn.resource != "root" && !PREFIXES.iter().any(|p| arn.resource.starts_with(p)) {
        (
            format!("`{name}` is not a valid principal: it is not a user, role, session or account"),
            "name a user, a role, a session, or the account as in `arn:aws:iam::111122223333:root`",
        )
    } else {
        return;
    };
    reporter.at(principal.item.at, message, help);
}
