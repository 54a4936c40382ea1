//! See the page.
use crate::model::{Kind, Policy, Sort, Statement};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "confused-deputy",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL"),
    doc: include_str!("confused_deputy.md"),
    check: Check::Policy(check),
};

/// Services that tell a resource for whom they come.
const SENDERS: &[&str] = &[
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
    "logs",
    "s3",
    "scheduler",
    "ses",
    "sns",
    "states",
];

fn check(policy: &Policy, out: &mut Out<'_>) {
    let asked =
        matches!(policy.kind, Kind::S3 | Kind::Sns | Kind::Sqs | Kind::Kms | Kind::Lambda | Kind::Secret | Kind::Ecr);
    if !asked {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows() && !is_tied(s)) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.sort == Sort::Service) {
            let Some(name) = principal.item.text.as_known().and_then(|n| n.strip_suffix(".amazonaws.com")) else {
                continue;
            };
            let silent = policy.kind == Kind::Kms
                && matches!(name, "events" | "lambda" | "s3" | "sns" | "ses" | "delivery.logs");
            if silent || !SENDERS.contains(&name) || name == "lambda" && policy.kind != Kind::Ecr {
                continue;
            }
            out.at(
                principal.item.at,
                format!("`{name}.amazonaws.com` comes here for whoever uses it, in any account"),
                "add conditions on `aws:SourceAccount` and `aws:SourceArn`",
            );
        }
    }
}

fn is_tied(statement: &Statement) -> bool {
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
            let vacuous = c.values.iter().any(|v| v.raw().bytes().all(|b| b == b'*'));
            asked && !vacuous && !c.is_negative() && !c.base().eq_ignore_ascii_case("Null")
        })
}
