use iam_policy::catalogue::{self, Service};
use iam_policy::model::{Item, Policy};
use iam_policy::spelling;
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-service",
    family: Family::Vocabulary,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_SERVICE_IN_ACTION"),
    doc: include_str!("unknown_service.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (item, actions) in policy.statements.iter().filter_map(|s| s.actions.as_ref()).flat_map(|a| a.expanded()) {
        if !actions.is_empty() {
            continue;
        }
        let Some((prefix, _)) = item.raw().split_once(':') else { continue };
        if is_unknown(prefix) {
            reporter.at(item.at, format!("`{prefix}` is not an AWS service"), help(item, prefix));
        }
    }
}

/// Whether a prefix has no wildcard and belongs to no current or retired service.
pub(crate) fn is_unknown(prefix: &str) -> bool {
    let written = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    written
        && !prefix.contains(PLACEHOLDER)
        && Service::find(prefix).is_none()
        && !catalogue::is_retired_service(prefix)
}

/// Common names of services whose action prefix is another.
const COMMON_NAMES: &[(&str, &str)] = &[
    ("apigw", "apigateway"),
    ("cloudwatchevents", "events"),
    ("cloudwatchlogs", "logs"),
    ("cognito", "cognito-idp"),
    ("dynamo", "dynamodb"),
    ("ddb", "dynamodb"),
    ("efs", "elasticfilesystem"),
    ("elb", "elasticloadbalancing"),
    ("eventbridge", "events"),
    ("parameterstore", "ssm"),
    ("secrets", "secretsmanager"),
    ("secretmanager", "secretsmanager"),
    ("sfn", "states"),
    ("stepfunctions", "states"),
];

fn help(item: &Item, prefix: &str) -> String {
    let renamed = COMMON_NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(prefix)).map(|(_, m)| *m);
    let near = renamed.or_else(|| spelling::closest(prefix, Service::all().map(Service::prefix)));
    match near {
        Some(near) => format!("did you mean `{near}:{}`?", item.raw().split_once(':').map_or("", |(_, n)| n)),
        None => format!("check the prefix (the catalogue is dated {})", catalogue::DATE),
    }
}
