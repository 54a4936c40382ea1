//! See the page.
use crate::arn::{Arn, same_resource, split_reference};
use crate::evaluate::names;
use crate::model::{Item, Policy};
use crate::pattern;
use crate::project::Project;
use crate::project::Resource;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::value::Value;

/// The rule.
pub static RULE: Rule = Rule {
    name: "foreign-resource",
    family: Family::Attachment,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_RESOURCE_ARN_IN_POLICY"),
    doc: include_str!("foreign_resource.md"),
    check: Check::Project(check),
};

/// Carriers of a resource's policy: the attribute that says of which resource, its type, and how it is named.
const OWNERS: &[(&str, &str, &str, &[&str])] = &[
    ("aws_s3_bucket_policy", "bucket", "aws_s3_bucket", &["bucket", "id"]),
    ("aws_sns_topic_policy", "arn", "aws_sns_topic", &["arn"]),
    ("aws_sqs_queue_policy", "queue_url", "aws_sqs_queue", &["url", "id"]),
    ("aws_dynamodb_resource_policy", "resource_arn", "aws_dynamodb_table", &["arn"]),
];

fn check(project: &Project, out: &mut Out<'_>) {
    for policy in &project.policies {
        let Some((_, attribute, kind, keys)) = OWNERS.iter().find(|(c, ..)| *c == policy.carrier.resource) else {
            continue;
        };
        let carrier = project.owner(policy);
        let Some(value) = carrier.and_then(|c| c.values.get(attribute)) else { continue };
        let owner = project.resources.iter().find(|r| r.kind == *kind && names(value, r, keys));
        let name =
            owner.and_then(name_of).or_else(|| value.as_str().filter(|_| *kind == "aws_s3_bucket").map(str::to_owned));
        for item in policy.statements.iter().flat_map(|s| s.resource_items()) {
            let foreign = other_reference(item, owner, kind).or_else(|| other_name(item, name.as_deref(), kind));
            if let Some(other) = foreign {
                report(policy, item, &other, owner, out);
            }
        }
    }
}

fn report(policy: &Policy, item: &Item, other: &str, owner: Option<&Resource>, out: &mut Out<'_>) {
    let own = owner.map_or_else(String::new, |o| format!(" `{}`", o.address));
    let message = format!("the policy is attached to{own} and speaks of `{other}`");
    let finding = out.policy(policy, item.at, message, "name the resource that the policy is attached to");
    if let Some(owner) = owner.filter(|o| o.from_source) {
        finding.related(owner.head, "it is attached to this");
    }
}

fn name_of(owner: &Resource) -> Option<String> {
    ["bucket", "name"].iter().find_map(|k| owner.values.get(k).and_then(Value::as_str)).map(str::to_owned)
}

/// Another resource of the same type that the item refers to.
fn other_reference(item: &Item, owner: Option<&Resource>, kind: &str) -> Option<String> {
    let first = item.text.holes().first().filter(|_| item.raw().starts_with(pattern::HOLE))?;
    let (address, referred, attribute) = split_reference(first.reference.as_deref()?)?;
    let own = &owner?.address;
    (referred == kind && attribute == "arn" && !same_resource(address, own)).then(|| address.to_owned())
}

/// Another name in an ARN of the same service.
fn other_name(item: &Item, name: Option<&str>, kind: &str) -> Option<String> {
    let (name, arn) = (name?, Arn::parse(item.text.as_known()?)?);
    let (service, own) = match kind {
        "aws_s3_bucket" => ("s3", arn.resource.split('/').next()?),
        "aws_sns_topic" => ("sns", arn.resource),
        "aws_sqs_queue" => ("sqs", arn.resource),
        _ => ("dynamodb", arn.resource.strip_prefix("table/")?.split('/').next()?),
    };
    (arn.service == service && !pattern::matches(own, name)).then(|| own.to_owned())
}
