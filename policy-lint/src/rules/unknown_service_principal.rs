//! See the page.
use crate::catalogue::Service;
use crate::model::{Policy, Sort};
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "unknown-service-principal",
    family: Family::Vocabulary,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("INVALID_SERVICE_PRINCIPAL_FORMAT"),
    doc: include_str!("unknown_service_principal.md"),
    check: Check::Policy(check),
};

/// Service principals that are no prefix of actions.
const OTHERS: &[&str] = &[
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
    "lexv2",
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

/// What people write for services whose principal is not named after them.
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

fn check(policy: &Policy, out: &mut Out<'_>) {
    let principals = policy.statements.iter().filter_map(|s| s.principals.as_ref()).flat_map(|p| &p.items);
    for principal in principals.filter(|p| p.sort == Sort::Service) {
        let Some(name) = principal.item.text.as_known() else { continue };
        let Some(label) = name.strip_suffix(".amazonaws.com") else { continue };
        if let Some((_, meant)) = MISNAMED.iter().find(|(wrong, _)| *wrong == label) {
            let message = format!("there is no service principal `{name}`");
            out.at(principal.item.at, message, format!("did you mean `{meant}.amazonaws.com`?"));
            continue;
        }
        let known = |n: &str| Service::find(n).is_some() || OTHERS.contains(&n);
        let first = label.split('.').next().unwrap_or(label);
        if known(label) || known(first) || label.is_empty() {
            continue;
        }
        let near = pattern::closest(label, Service::all().map(Service::prefix).chain(OTHERS.iter().copied()));
        if let Some(near) = near.filter(|n| n.len() > 3) {
            let message = format!("there is no service principal `{name}`");
            out.at(principal.item.at, message, format!("did you mean `{near}.amazonaws.com`?"));
        }
    }
}
