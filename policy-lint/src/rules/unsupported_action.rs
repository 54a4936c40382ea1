//! See the page.
use iam_policy::catalogue::Service;
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "unsupported-action",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_ACTION_IN_POLICY"),
    doc: include_str!("unsupported_action.md"),
    check: Check::Policy(check),
};

/// Kinds of policy, whose they are, and the services whose actions they can speak of.
const SERVICES: &[(PolicyKind, &str, &[&str])] = &[
    (PolicyKind::Ecr, "the policy of a repository", &["ecr", "ecr-public"]),
    (PolicyKind::Kms, "the policy of a key", &["kms"]),
    (PolicyKind::Lambda, "the policy of a function", &["lambda"]),
    (PolicyKind::S3, "the policy of a bucket", &["s3", "s3express", "s3-object-lambda", "s3-outposts", "s3tables"]),
    (PolicyKind::Secret, "the policy of a secret", &["secretsmanager"]),
    (PolicyKind::Sns, "the policy of a topic", &["sns"]),
    (PolicyKind::Sqs, "the policy of a queue", &["sqs"]),
    (PolicyKind::Trust, "a trust policy", &["sts"]),
];

/// Actions that trust policies speak of.
const OF_TRUST: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    // A statement that names nobody is no statement of a trust policy at all, as another rule says.
    let placed = |s: &&Statement| policy.kind != PolicyKind::Trust || s.principals.is_some();
    let statements = policy.statements.iter().filter(placed);
    let items = statements.filter_map(|s| s.actions.as_ref()).flat_map(|a| &a.items);
    if policy.kind == PolicyKind::Rcp {
        items.for_each(|i| resource_control(i, reporter));
        return;
    }
    let Some((_, whose, services)) = SERVICES.iter().find(|(kind, ..)| *kind == policy.kind) else { return };
    for item in items {
        let Some((service, _)) = item.text.as_known().and_then(|t| t.split_once(':')) else { continue };
        let listed = services.iter().any(|s| s.eq_ignore_ascii_case(service));
        let exact = policy.kind == PolicyKind::Trust && !pattern::has_wildcard(item.raw()) && is_real(item.raw());
        if !listed && Service::find(service).is_some() {
            foreign(item, whose, services[0], reporter);
        } else if listed && exact && !OF_TRUST.iter().any(|a| a.eq_ignore_ascii_case(item.raw())) {
            foreign(item, whose, "sts", reporter);
        }
    }
}

/// Misspelled names have a rule of their own.
fn is_real(name: &str) -> bool {
    iam_policy::catalogue::Action::find(name).is_some()
}

fn foreign(item: &Item, whose: &str, service: &str, reporter: &mut Reporter<'_>) {
    let help = match service {
        "sts" => String::from(
            "name how the role is assumed, as in `sts:AssumeRole`; the rest belongs to the role's own policies",
        ),
        _ => format!("name actions of `{service}`, or put it in a policy of whoever is to do it"),
    };
    reporter.at(item.at, format!("`{}` is nothing that {whose} can speak of", item.text), help);
}

/// Services of which nothing is governed by its own policy, so that a resource control policy cannot reach it.
const WITHOUT_POLICIES: &[&str] = &[
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

fn resource_control(item: &Item, reporter: &mut Reporter<'_>) {
    let service = item.raw().split(':').next().unwrap_or_default();
    let (message, help) = if item.raw() == "*" {
        let help = "name a service, as in `s3:*`; only what AWS made itself says `*`";
        (String::from("a resource control policy does not take `*` for every action"), help)
    } else if WITHOUT_POLICIES.iter().any(|s| s.eq_ignore_ascii_case(service)) {
        let help = "deny it by a service control policy, which is about who calls";
        (format!("`{}` is of a service that resource control policies do not reach", item.text), help)
    } else {
        return;
    };
    reporter.at(item.at, message, help).aws("RCP_SYNTAX_ERROR_ACTION");
}
