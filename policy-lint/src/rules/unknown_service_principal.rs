use iam_policy::catalogue::Service;
use iam_policy::model::{Item, Policy, PrincipalType};
use iam_policy::spelling;

use crate::rule::{Check, Family, Finding, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-service-principal",
    family: Family::Vocabulary,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("INVALID_SERVICE_PRINCIPAL_FORMAT"),
    doc: include_str!("unknown_service_principal.md"),
    check: Check::Policy(check),
};

/// Service principals that are not the prefix of any action.
const OTHER_PRINCIPALS: &[&str] = &[
    "apidestinations.events",
    "application-insights",
    "autoscaling",
    "billing",
    "billingconsole",
    "cloudtrail",
    "cloudwatch",
    "continuous-integration",
    "delivery.logs",
    "ec2fleet",
    "ecs-tasks",
    "edgelambda",
    "email",
    "export.rds",
    "firehose",
    "inspector2",
    "lakeformation",
    "lex",
    "local.codebuild",
    "macie",
    "mediatailor",
    "monitoring.rds",
    "ops.apigateway",
    "pods.eks",
    "replicator.lambda",
    "reporting.trustedadvisor",
    "s3",
    "scheduler",
    "spotfleet",
    "sso",
    "states",
    "storage-lens.s3",
    "streams.metrics.cloudwatch",
    "transitgateway",
    "vmie",
    "vpc-flow-logs",
    "wafv2",
];

/// Common misnomers and the service principals they stand for.
const MISNAMED: &[(&str, &str)] = &[
    ("alb", "elasticloadbalancing"),
    ("api-gateway", "apigateway"),
    ("cloudwatch-events", "events"),
    ("cloudwatch-logs", "logs"),
    ("cloudwatchlogs", "logs"),
    ("eventbridge", "events"),
    ("fargate", "ecs-tasks"),
    ("sfn", "states"),
    ("stepfunctions", "states"),
    ("step-functions", "states"),
];

/// Keys whose values are service principals.
const KEYS: &[&str] = &[
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:principalservicename",
    "iam:awsservicename",
    "iam:passedtoservice",
];

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    let principals = policy.statements.iter().filter_map(|s| s.principals.as_ref()).flat_map(|p| &p.items);
    for principal in principals.filter(|p| p.principal_type == PrincipalType::Service) {
        check_name(&principal.item, reporter);
    }
    let conditions = policy.statements.iter().flat_map(|s| &s.conditions);
    for condition in conditions.filter(|c| KEYS.contains(&c.key.raw().to_ascii_lowercase().as_str())) {
        for value in &condition.values {
            if let Some(finding) = check_name(value, reporter) {
                finding.aws("INVALID_SERVICE");
            }
        }
    }
}

fn check_name<'o>(item: &Item, reporter: &'o mut Reporter<'_>) -> Option<&'o mut Finding> {
    let name = item.text.as_known()?;
    let suggestion = suggestion(name.strip_suffix(".amazonaws.com")?)?;
    let message = format!("`{name}` is not a known service principal");
    Some(reporter.at(item.at, message, format!("did you mean `{suggestion}.amazonaws.com`?")))
}

/// The label of the service principal that was probably intended; `None` if the label may be valid.
fn suggestion(label: &str) -> Option<&'static str> {
    if let Some((_, label)) = MISNAMED.iter().find(|(wrong, _)| *wrong == label) {
        return Some(label);
    }
    let known = |n: &str| Service::find(n).is_some() || OTHER_PRINCIPALS.contains(&n);
    let first_part = label.split('.').next().unwrap_or(label);
    let service = first_part.strip_suffix("v2").unwrap_or(first_part);
    if known(label) || known(service) || label.is_empty() || label.contains(['*', '?', '$']) {
        return None;
    }
    let near = spelling::closest(label, Service::all().map(Service::prefix).chain(OTHER_PRINCIPALS.iter().copied()));
    near.filter(|n| n.len() > 3)
}
