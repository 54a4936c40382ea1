use iam_policy::PolicyKind;
use iam_policy::catalogue::{AccessLevel, Service};
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::unknown_service::is_unknown;

pub(crate) static RULE: Rule = Rule {
    name: "service-wildcard",
    family: Family::Breadth,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("service_wildcard.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind.only_bounds() {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        for item in statement.action_items() {
            let Some(service) = whole_service(item.raw()) else {
                continue;
            };
            // A service that does not exist has no actions to allow; `unknown-service` reports it.
            if is_unknown(service)
                || policy.kind == PolicyKind::Kms && is_default_key_policy(service, policy, statement)
            {
                continue;
            }
            reporter.at(item.at, message(service, item), help(service));
        }
    }
}

/// The service prefix of a pattern that matches every action of the service.
pub(crate) fn whole_service(pattern: &str) -> Option<&str> {
    let (service, name) = pattern.split_once(':')?;
    let all = name.contains('*') && name.bytes().all(|b| matches!(b, b'*' | b'?'));
    (all && !service.is_empty() && !service.contains('*')).then_some(service)
}

/// Whether this is the statement of the default key policy: allowing the account root only enables identity policies.
fn is_default_key_policy(service: &str, policy: &Policy, statement: &iam_policy::model::Statement) -> bool {
    let principals: Vec<&str> =
        statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items).map(|p| p.item.raw()).collect();
    let only_roots = !principals.is_empty() && principals.iter().all(|p| p.ends_with(":root"));
    policy.kind == PolicyKind::Kms && service.eq_ignore_ascii_case("kms") && only_roots
}

fn message(prefix: &str, item: &iam_policy::model::Item) -> String {
    let Some(service) = Service::find(prefix) else {
        return format!("`{}` allows every action of the service", item.text);
    };
    let total = service.actions().count();
    let managing = service.actions().filter(|a| a.level() == AccessLevel::Permissions).count();
    let change = match managing {
        0 => String::new(),
        1 => String::from(", one of which changes permissions"),
        n => format!(", {n} of which change permissions"),
    };
    format!("`{}` allows all {total} actions of {}{change}", item.text, service.title())
}

/// Commonly used actions of services whose shortest read action is not a useful example.
const COMMON_ACTIONS: &[(&str, &str)] = &[
    ("cloudwatch", "PutMetricData"),
    ("dynamodb", "GetItem"),
    ("ec2", "DescribeInstances"),
    ("ecr", "BatchGetImage"),
    ("kms", "Decrypt"),
    ("lambda", "InvokeFunction"),
    ("logs", "PutLogEvents"),
    ("rds", "DescribeDBInstances"),
    ("secretsmanager", "GetSecretValue"),
    ("sns", "Publish"),
    ("sqs", "SendMessage"),
    ("ssm", "GetParameter"),
];

fn help(prefix: &str) -> String {
    let common = COMMON_ACTIONS.iter().find(|(s, _)| s.eq_ignore_ascii_case(prefix));
    if let Some((service, name)) = common {
        return format!("name the actions that are needed, as in `{service}:{name}`");
    }
    let example = Service::find(prefix).and_then(|s| {
        let reading = || s.actions().filter(|a| a.level() == AccessLevel::Read);
        let getting = reading().filter(|a| a.name().starts_with("Get") && a.restrictable());
        getting.min_by_key(|a| a.name().len()).or_else(|| reading().next())
    });
    match example {
        Some(action) => format!("name the actions that are needed, as in `{}`", action.full_name()),
        None => String::from("name the actions that are needed"),
    }
}
