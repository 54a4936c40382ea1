use iam_policy::arn::Arn;
use iam_policy::catalogue::Service;
use iam_policy::model::{Item, Policy};
use iam_policy::{PolicyKind, pattern};
use source_text::{PLACEHOLDER, Value};
use terraform_eval::Resource;
use terraform_eval::address::{same_resource, split_reference};

use crate::access::refers_to;
use crate::project::Project;
use crate::reference_arns::typed;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "foreign-resource",
    family: Family::Attachment,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_RESOURCE_ARN_IN_POLICY"),
    doc: include_str!("foreign_resource.md"),
    check: Check::Project(check),
};

/// Terraform resources that carry a resource policy: the attribute that names the resource it is attached to (empty for
/// the resource itself), the type of that resource, and the attributes it can be referred to by.
const CARRIERS: &[(&str, &str, &str, &[&str])] = &[
    ("aws_s3_bucket_policy", "bucket", "aws_s3_bucket", &["bucket", "id"]),
    ("aws_sns_topic_policy", "arn", "aws_sns_topic", &["arn"]),
    ("aws_sqs_queue_policy", "queue_url", "aws_sqs_queue", &["url", "id"]),
    ("aws_dynamodb_resource_policy", "resource_arn", "aws_dynamodb_table", &["arn"]),
    ("aws_cloudwatch_event_bus_policy", "event_bus_name", "aws_cloudwatch_event_bus", &["name"]),
    ("aws_efs_file_system_policy", "file_system_id", "aws_efs_file_system", &["id"]),
    ("aws_kinesis_resource_policy", "resource_arn", "aws_kinesis_stream", &["arn"]),
    ("aws_opensearch_domain_policy", "domain_name", "aws_opensearch_domain", &["domain_name"]),
    ("aws_secretsmanager_secret_policy", "secret_arn", "aws_secretsmanager_secret", &["arn", "id"]),
    ("aws_opensearch_domain", "", "aws_opensearch_domain", &[]),
    ("aws_secretsmanager_secret", "", "aws_secretsmanager_secret", &[]),
    ("aws_sns_topic", "", "aws_sns_topic", &[]),
    ("aws_sqs_queue", "", "aws_sqs_queue", &[]),
];

/// Kinds of policy, the services that the policy may name, and the noun for what it is attached to.
const SERVICES: &[(PolicyKind, &[&str], &str)] = &[
    (PolicyKind::Kms, &["kms"], "a key"),
    (PolicyKind::Lambda, &["lambda"], "a function"),
    (PolicyKind::S3, &["s3", "s3express", "s3-object-lambda", "s3-outposts", "s3tables"], "a bucket"),
    (PolicyKind::Secret, &["secretsmanager"], "a secret"),
    (PolicyKind::Sns, &["sns"], "a topic"),
    (PolicyKind::Sqs, &["sqs"], "a queue"),
];

/// Reports resources of another service than the kind of policy is for.
fn check_services(policy: &Policy, reporter: &mut Reporter<'_>) {
    let Some((_, services, owner_noun)) = SERVICES.iter().find(|(kind, ..)| *kind == policy.kind) else { return };
    for item in policy.statements.iter().filter_map(|s| s.resources.as_ref()).flat_map(|r| &r.items) {
        let shape = typed(&item.text);
        let Some(arn) = Arn::parse(&shape).filter(|a| !pattern::has_wildcard(a.service)) else { continue };
        if Service::find(arn.service).is_some() && !services.contains(&arn.service) {
            let message =
                format!("the policy of {owner_noun} cannot apply to `{}`, a resource of `{}`", item.text, arn.service);
            reporter.policy(
                policy,
                item.at,
                message,
                format!("name {owner_noun}, or move the statement to the policy of that resource"),
            );
        }
    }
}

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for policy in &project.policies {
        check_services(policy, reporter);
        let Some((_, attribute, kind, keys)) = CARRIERS.iter().find(|(c, ..)| *c == policy.origin.resource_type) else {
            continue;
        };
        let carrier = project.owner(policy);
        let value = carrier.and_then(|c| c.values.get(attribute));
        let owner = match value {
            None if attribute.is_empty() => carrier,
            None => continue,
            Some(value) => project.resources.iter().find(|r| r.kind == *kind && refers_to(value, r, keys)),
        };
        let given = value.and_then(Value::as_str).filter(|_| TYPES_NAMED_BY_ARN.contains(kind));
        let name = owner.and_then(name_of).or_else(|| given.map(str::to_owned));
        for item in policy.statements.iter().flat_map(|s| s.resource_items()) {
            let other_resource = other_reference(item, owner, kind).or_else(|| other_name(item, name.as_deref(), kind));
            if let Some(other) = other_resource {
                report(policy, item, &other, owner, reporter);
            }
        }
    }
}

fn report(policy: &Policy, item: &Item, other: &str, owner: Option<&Resource>, reporter: &mut Reporter<'_>) {
    let own = owner.map_or_else(String::new, |o| format!(" `{}`", o.address));
    let message = format!("the policy is attached to{own} but names `{other}`");
    let finding = reporter.policy(policy, item.at, message, "name the resource that the policy is attached to");
    if let Some(owner) = owner.filter(|o| o.from_source) {
        finding.related(owner.head, "the policy is attached to this resource");
    }
}

/// Types whose name is the resource part of their ARN.
const TYPES_NAMED_BY_ARN: &[&str] = &["aws_cloudwatch_event_bus", "aws_opensearch_domain", "aws_s3_bucket"];

fn name_of(owner: &Resource) -> Option<String> {
    ["bucket", "name", "domain_name"]
        .iter()
        .find_map(|k| owner.values.get(k).and_then(Value::as_str))
        .map(str::to_owned)
}

/// Another resource of the same type that the item refers to.
fn other_reference(item: &Item, owner: Option<&Resource>, kind: &str) -> Option<String> {
    let first = item.text.unknowns().first().filter(|_| item.raw().starts_with(PLACEHOLDER))?;
    let (address, referred, attribute) = split_reference(first.reference.as_deref()?)?;
    let own = &owner?.address;
    (referred == kind && attribute == "arn" && !same_resource(address, own)).then(|| address.to_owned())
}

/// The name of another resource of the same service in an ARN.
fn other_name(item: &Item, name: Option<&str>, kind: &str) -> Option<String> {
    let (name, arn) = (name?, Arn::parse(item.text.as_known()?)?);
    let (service, own) = match kind {
        "aws_s3_bucket" => ("s3", arn.resource.split('/').next()?),
        "aws_sns_topic" => ("sns", arn.resource),
        "aws_sqs_queue" => ("sqs", arn.resource),
        "aws_cloudwatch_event_bus" => ("events", arn.resource.strip_prefix("event-bus/")?),
        "aws_kinesis_stream" => ("kinesis", arn.resource.strip_prefix("stream/")?.split('/').next()?),
        "aws_opensearch_domain" => ("es", arn.resource.strip_prefix("domain/")?.split('/').next()?),
        "aws_dynamodb_table" => ("dynamodb", arn.resource.strip_prefix("table/")?.split('/').next()?),
        // The ARNs of the other types end in a suffix that AWS generates.
        _ => return None,
    };
    (arn.service == service && !pattern::matches(own, name)).then(|| own.to_owned())
}
