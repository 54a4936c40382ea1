use iam_policy::PolicyKind;
use iam_policy::model::{NodeSpan, Policy};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "missing-tls-deny",
    family: Family::Exposure,
    severity: Severity::Note,
    persona: Persona::Pedantic,
    aws: None,
    doc: include_str!("missing_tls_deny.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if !matches!(policy.kind, PolicyKind::S3 | PolicyKind::Sqs | PolicyKind::Sns) {
        return;
    }
    let refuses = policy.statements.iter().any(|s| {
        s.denies()
            && (s.unknown_condition
                || s.conditions_on("aws:SecureTransport").next().is_some()
                || s.conditions_on("s3:TlsVersion").next().is_some())
    });
    let Some(first) = policy.statements.first().filter(|_| !refuses) else { return };
    let at = NodeSpan { node_path: NodeSpan::default().node_path, ..first.head };
    reporter.at(
        at,
        "requests without TLS are not denied",
        "add a `Deny` for every principal with `\"Bool\": {\"aws:SecureTransport\": \"false\"}`",
    );
}
