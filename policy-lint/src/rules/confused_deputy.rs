use iam_policy::PolicyKind;
use iam_policy::arn::Arn;
use iam_policy::model::{Policy, PrincipalType, Statement};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "confused-deputy",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL"),
    doc: include_str!("confused_deputy.md"),
    check: Check::Policy(check),
};

/// Services that send `aws:SourceAccount` or `aws:SourceArn` when they call a resource.
const SERVICES: &[&str] = &[
    "apigateway",
    "budgets",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "codestar-notifications",
    "config",
    "delivery.logs",
    "events",
    "iot",
    "lambda",
    "logging.s3",
    "logs",
    "s3",
    "scheduler",
    "ses",
    "sns",
    "states",
    "storage-lens.s3",
];

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    let asked = matches!(
        policy.kind,
        PolicyKind::S3
            | PolicyKind::Sns
            | PolicyKind::Sqs
            | PolicyKind::Kms
            | PolicyKind::Lambda
            | PolicyKind::Secret
            | PolicyKind::Ecr
    );
    if !asked {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows() && !restricts_source(s)) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.principal_type == PrincipalType::Service) {
            let Some(name) = principal.item.text.as_known().and_then(|n| n.strip_suffix(".amazonaws.com")) else {
                continue;
            };
            let sends_no_source = policy.kind == PolicyKind::Kms
                && !matches!(name, "cloudfront" | "cloudtrail" | "config" | "logging.s3" | "logs" | "storage-lens.s3");
            if sends_no_source || !SERVICES.contains(&name) || name == "lambda" {
                continue;
            }
            reporter.at(
                principal.item.at,
                format!("`{name}.amazonaws.com` may call on behalf of any AWS account"),
                "add conditions on `aws:SourceAccount` and `aws:SourceArn`",
            );
        }
    }
}

fn restricts_source(statement: &Statement) -> bool {
    let keys = [
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:principalorgid",
        "kms:viaservice",
        "kms:calleraccount",
    ];
    statement.unknown_condition
        || statement.conditions.iter().any(|c| {
            let key = c.key.raw().to_ascii_lowercase();
            let asked = keys.contains(&key.as_str()) || key.starts_with("kms:encryptioncontext");
            let plain = !c.is_negative() && !c.if_exists() && !c.base().eq_ignore_ascii_case("Null");
            asked && plain && !c.values.iter().any(|v| v.text.is_known() && is_any_account(v.raw()))
        })
}

/// Whether a source value matches resources of any account: `*`, or an ARN without account and name.
fn is_any_account(value: &str) -> bool {
    let stars = |text: &str| text.bytes().all(|b| b == b'*');
    let named = |part: &str| !part.is_empty() && !stars(part);
    stars(value)
        || Arn::parse(value).is_some_and(|a| {
            let typed = a.resource.rsplit_once(['/', ':']).map_or(a.resource, |(_, name)| name);
            !named(a.account) && stars(typed)
        })
}
