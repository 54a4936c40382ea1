use iam_policy::catalogue::Service;
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unsupported-action",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_ACTION_IN_POLICY"),
    doc: include_str!("unsupported_action.md"),
    check: Check::Policy(check),
};

/// Kinds of policy, their names in messages, and the services whose actions they accept.
const SERVICES: &[(PolicyKind, &str, &[&str])] = &[
    (PolicyKind::Ecr, "a repository policy", &["ecr", "ecr-public"]),
    (PolicyKind::Kms, "a key policy", &["kms"]),
    (PolicyKind::Lambda, "a function policy", &["lambda"]),
    (PolicyKind::S3, "a bucket policy", &["s3", "s3express", "s3-object-lambda", "s3-outposts", "s3tables"]),
    (PolicyKind::Secret, "a secret policy", &["secretsmanager"]),
    (PolicyKind::Sns, "a topic policy", &["sns"]),
    (PolicyKind::Sqs, "a queue policy", &["sqs"]),
    (PolicyKind::Trust, "a trust policy", &["sts"]),
];

/// Actions that trust policies accept.
const TRUST_ACTIONS: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    // A trust policy statement without principal is reported by `trust-without-principal`.
    let is_checked = |s: &&Statement| policy.kind != PolicyKind::Trust || s.principals.is_some();
    let statements = policy.statements.iter().filter(is_checked);
    let items = statements.filter_map(|s| s.actions.as_ref()).flat_map(|a| &a.items);
    if policy.kind == PolicyKind::Rcp {
        items.for_each(|i| check_resource_control(i, reporter));
        return;
    }
    let Some((_, kind, services)) = SERVICES.iter().find(|(k, ..)| *k == policy.kind) else { return };
    for item in items {
        let Some((service, _)) = item.text.as_known().and_then(|t| t.split_once(':')) else { continue };
        let is_own_service = services.iter().any(|s| s.eq_ignore_ascii_case(service));
        let exact = policy.kind == PolicyKind::Trust && !pattern::has_wildcard(item.raw()) && exists(item.raw());
        if !is_own_service && Service::find(service).is_some() {
            report_unsupported(item, kind, services[0], reporter);
        } else if is_own_service && exact && !TRUST_ACTIONS.iter().any(|a| a.eq_ignore_ascii_case(item.raw())) {
            report_unsupported(item, kind, "sts", reporter);
        }
    }
}

/// Whether an action exists; misspelled names are reported by `unknown-action`.
fn exists(name: &str) -> bool {
    iam_policy::catalogue::Action::find(name).is_some()
}

fn report_unsupported(item: &Item, kind: &str, service: &str, reporter: &mut Reporter<'_>) {
    let help = match service {
        "sts" => String::from(
            "use an action that assumes the role, as in `sts:AssumeRole`; move other actions to the permissions policies of the role",
        ),
        _ => format!("use actions of `{service}`, or move the action to the identity policy of the caller"),
    };
    reporter.at(item.at, format!("`{}` is not a valid action in {kind}", item.text), help);
}

/// Services that do not support resource control policies.
const SERVICES_WITHOUT_RCP: &[&str] = &[
    "autoscaling",
    "cloudformation",
    "config",
    "ec2",
    "ecs",
    "eks",
    "elasticache",
    "elasticloadbalancing",
    "guardduty",
    "iam",
    "organizations",
    "rds",
    "route53",
    "states",
];

fn check_resource_control(item: &Item, reporter: &mut Reporter<'_>) {
    let service = item.raw().split(':').next().unwrap_or_default();
    let (message, help) = if item.raw() == "*" {
        let help = "name a service, as in `s3:*`; only policies created by AWS may use `*`";
        (String::from("a resource control policy does not support `*` for every action"), help)
    } else if SERVICES_WITHOUT_RCP.iter().any(|s| s.eq_ignore_ascii_case(service)) {
        let help = "deny it in a service control policy, which restricts the callers";
        (format!("`{}` belongs to a service that does not support resource control policies", item.text), help)
    } else {
        return;
    };
    reporter.at(item.at, message, help).aws("RCP_SYNTAX_ERROR_ACTION");
}
