use iam_policy::PolicyKind;
use iam_policy::model::Policy;
use source_text::{Data, PLACEHOLDER, Span, Value};

use crate::access::identities;
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "policy-too-large",
    family: Family::Limits,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"),
    doc: include_str!("policy_too_large.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for policy in &project.policies {
        let Some((limit, what)) = limit(policy) else { continue };
        report(size(&policy.root), limit, what, report_span(policy, project), policy, reporter);
    }
    for identity in identities(project) {
        let inline: Vec<&&Policy> = identity.policies.iter().filter(|p| is_inline(p)).collect();
        let (Some(first), true) = (inline.first(), inline.len() > 1) else { continue };
        let limit = match first.origin.resource_type.as_str() {
            "aws_iam_group_policy" => 5_120,
            "aws_iam_user_policy" => 2_048,
            _ => 10_240,
        };
        let total = inline.iter().map(|p| size(&p.root)).sum();
        report(
            total,
            limit,
            "the inline policies of one identity together",
            report_span(first, project),
            first,
            reporter,
        );
    }
}

fn is_inline(policy: &Policy) -> bool {
    matches!(
        policy.origin.resource_type.as_str(),
        "aws_iam_role" | "aws_iam_role_policy" | "aws_iam_user_policy" | "aws_iam_group_policy"
    )
}

/// The resource's first line in source, the document anywhere else.
fn report_span(policy: &Policy, project: &Project) -> Span {
    let owner = project.owner(policy).filter(|r| r.from_source);
    owner.map_or_else(|| policy.members().next().map_or(policy.root.span, |(_, at)| at.span), |r| r.head)
}

fn report(size: usize, limit: usize, what: &str, span: Span, policy: &Policy, reporter: &mut Reporter<'_>) {
    if size <= limit {
        return;
    }
    let message = format!("the policy has {size} characters, but the limit for {what} is {limit}");
    let finding = reporter.span(span, message, "use wildcards for names that share a prefix, or split the policy");
    finding.address.clone_from(&policy.address);
    finding.kind = Some(policy.kind);
    finding.pointer = Some(String::new());
    if policy.kind == PolicyKind::Scp || policy.kind.is_resource() {
        finding.aws = Some("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA");
    }
}

fn limit(policy: &Policy) -> Option<(usize, &'static str)> {
    let by_carrier = match policy.origin.resource_type.as_str() {
        "aws_iam_policy" => Some((6_144, "a managed policy")),
        "aws_iam_user_policy" => Some((2_048, "the inline policies of a user")),
        "aws_iam_group_policy" => Some((5_120, "the inline policies of a group")),
        "aws_iam_role_policy" => Some((10_240, "the inline policies of a role")),
        _ => None,
    };
    by_carrier.or(match policy.kind {
        PolicyKind::Identity => Some((10_240, "an identity policy")),
        PolicyKind::Trust => Some((2_048, "a trust policy")),
        PolicyKind::S3 => Some((20_480, "a bucket policy")),
        PolicyKind::Scp | PolicyKind::Rcp => Some((5_120, "an organization policy")),
        PolicyKind::Kms => Some((32_768, "a key policy")),
        PolicyKind::Sns => Some((30_720, "a topic policy")),
        PolicyKind::Lambda => Some((20_480, "a function policy")),
        PolicyKind::Secret => Some((20_480, "a secret policy")),
        _ => None,
    })
}

/// The size of the document in characters, without whitespace, as AWS counts it.
fn size(value: &Value) -> usize {
    let commas = |n: usize| n.saturating_sub(1);
    match &value.data {
        Data::Null => 4,
        Data::Bool(b) => 5 - usize::from(*b),
        Data::Number(n) => n.len(),
        Data::String(text) if text.raw().is_ascii() => {
            2 + text.raw().bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'\x0b').count()
        }
        Data::String(text) => 2 + text.raw().chars().filter(|c| !c.is_whitespace() && *c != PLACEHOLDER).count(),
        Data::Array(list) => 2 + commas(list.len()) + list.iter().map(size).sum::<usize>(),
        Data::Object(members) => {
            let member = |m: &source_text::Member| 3 + m.key.raw().chars().count() + size(&m.value);
            2 + commas(members.len()) + members.iter().map(member).sum::<usize>()
        }
        Data::Encoded(inner) => size(inner),
        Data::Unknown(_) => 0,
    }
}
