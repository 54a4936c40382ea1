//! See the page.
use crate::arn::Arn;
use crate::model::{Policy, Principal, Sort};
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
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

fn check(policy: &Policy, out: &mut Out<'_>) {
    for principal in policy.statements.iter().filter_map(|s| s.principals.as_ref()).flat_map(|p| &p.items) {
        let Some(name) = principal.item.text.as_known().filter(|n| !has_variable(n)) else { continue };
        match &principal.sort {
            Sort::Everyone if name != "*" => {
                let message = format!("`{name}` stands where only `*` can");
                out.at(principal.item.at, message, "write `{\"AWS\": \"…\"}` or `{\"Service\": \"…\"}`");
            }
            Sort::Aws => aws(principal, name, out),
            Sort::Service if !is_service(name) => {
                let message = format!("`{name}` is no name of a service");
                let help = format!(
                    "write it as in `{}.amazonaws.com`",
                    name.split('.').next().unwrap_or("lambda").to_lowercase()
                );
                out.at(principal.item.at, message, help).aws("INVALID_SERVICE_PRINCIPAL_FORMAT");
            }
            Sort::Other(sort) => {
                let message = format!("`{sort}` is no sort of principal");
                let known = ["AWS", "Service", "Federated", "CanonicalUser"];
                let help = pattern::closest(sort, known.into_iter())
                    .map_or_else(|| format!("take one of {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
                out.at(principal.item.at, message, help).aws("INVALID_PRINCIPAL_KEY");
            }
            _ => {}
        }
    }
}

fn is_service(name: &str) -> bool {
    name.ends_with(".amazonaws.com")
        || name.ends_with(".amazonaws.com.cn")
        || name.ends_with(".amazon.com")
        || name.ends_with(".aws.internal")
        || name.ends_with(".aws.amazon.com")
}

fn aws(principal: &Principal, name: &str, out: &mut Out<'_>) {
    let is_account = name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit());
    let is_unique_id = name.len() >= 16 && name.starts_with('A') && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if name == "*" || is_account || is_unique_id {
        return;
    }
    match Arn::parse(name) {
        Some(arn) if matches!(arn.service, "iam" | "sts" | "cloudfront") && pattern::has_wildcard(name) => {
            let message = format!("`{name}` has a wildcard in a principal");
            let help = "name each role, or name the account and add a condition on `aws:PrincipalArn`";
            out.at(principal.item.at, message, help).aws("UNSUPPORTED_WILDCARD_IN_PRINCIPAL");
        }
        Some(arn) if matches!(arn.service, "iam" | "sts") => {
            if !(arn.account.len() == 12 && arn.account.bytes().all(|b| b.is_ascii_digit()))
                && arn.account != "cloudfront"
            {
                let message = format!("`{name}` has no account of twelve digits");
                out.at(principal.item.at, message, "write the account's number");
            }
        }
        _ => {
            let message = format!("`{name}` is no principal");
            out.at(principal.item.at, message, "write an account number, or the ARN of a user, role or session");
        }
    }
}
