//! See the page.
use crate::catalogue::Service;
use crate::model::{Item, Kind, Policy, Statement};
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

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

/// Kinds of policy, their names in messages, and the services whose actions they accept.
const SERVICES: &[(Kind, &str, &[&str])] = &[
    (Kind::Ecr, "a repository policy", &["ecr", "ecr-public"]),
    (Kind::Kms, "a key policy", &["kms"]),
    (Kind::Lambda, "a function policy", &["lambda"]),
    (Kind::S3, "a bucket policy", &["s3", "s3express", "s3-object-lambda", "s3-outposts", "s3tables"]),
    (Kind::Secret, "a secret policy", &["secretsmanager"]),
    (Kind::Sns, "a topic policy", &["sns"]),
    (Kind::Sqs, "a queue policy", &["sqs"]),
    (Kind::Trust, "a trust policy", &["sts"]),
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

fn check(policy: &Policy, out: &mut Out<'_>) {
    // A trust policy statement without principal is reported by `trust-without-principal`.
    let is_checked = |s: &&Statement| policy.kind != Kind::Trust || s.principals.is_some();
    let statements = policy.statements.iter().filter(is_checked);
    let items = statements.filter_map(|s| s.actions.as_ref()).flat_map(|a| &a.items);
    if policy.kind == Kind::Rcp {
        items.for_each(|i| resource_control(i, out));
        return;
    }
    let Some((_, kind, services)) = SERVICES.iter().find(|(k, ..)| *k == policy.kind) else { return };
    for item in items {
        let Some((service, _)) = item.text.as_known().and_then(|t| t.split_once(':')) else { continue };
        let listed = services.iter().any(|s| s.eq_ignore_ascii_case(service));
        let exact = policy.kind == Kind::Trust && !pattern::has_wildcard(item.raw()) && is_real(item.raw());
        if !listed && Service::find(service).is_some() {
            foreign(item, kind, services[0], out);
        } else if listed && exact && !TRUST_ACTIONS.iter().any(|a| a.eq_ignore_ascii_case(item.raw())) {
            foreign(item, kind, "sts", out);
        }
    }
}

/// Whether an action exists; misspelled names are reported by `unknown-action`.
fn is_real(name: &str) -> bool {
    crate::catalogue::Action::find(name).is_some()
}

fn foreign(item: &Item, kind: &str, service: &str, out: &mut Out<'_>) {
    let help = match service {
        "sts" => String::from(
            "use an action that assumes the role, as in `sts:AssumeRole`; move other actions to the permissions policies of the role",
        ),
        _ => format!("use actions of `{service}`, or move the action to the identity policy of the caller"),
    };
    out.at(item.at, format!("`{}` is not a valid action in {kind}", item.text), help);
}

/// Services that do not support resource control policies.
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

fn resource_control(item: &Item, out: &mut Out<'_>) {
    let service = item.raw().split(':').next().unwrap_or_default();
    let (message, help) = if item.raw() == "*" {
        let help = "name a service, as in `s3:*`; only policies created by AWS may use `*`";
        (String::from("a resource control policy does not support `*` for every action"), help)
    } else if WITHOUT_POLICIES.iter().any(|s| s.eq_ignore_ascii_case(service)) {
        let help = "deny it in a service control policy, which restricts the callers";
        (format!("`{}` belongs to a service that does not support resource control policies", item.text), help)
    } else {
        return;
    };
    out.at(item.at, message, help).aws("RCP_SYNTAX_ERROR_ACTION");
}
