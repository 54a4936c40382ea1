use iam_policy::model::{Item, Statement};
use source_text::{Data, Value};
use terraform_eval::Resource;

use crate::access::{Identity, has_unread, identities, may_refer_to, refers_to};
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "event-source-without-grant",
    family: Family::Wiring,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("event_source_without_grant.md"),
    check: Check::Project(check),
};

/// Types of event sources, their attribute with the ARN, and the actions that reading from them requires.
const SOURCES: &[(&str, &str, &[&str])] = &[
    (
        "aws_dynamodb_table",
        "stream_arn",
        &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
    ),
    ("aws_kinesis_stream", "arn", &["kinesis:GetRecords", "kinesis:GetShardIterator"]),
    ("aws_sqs_queue", "arn", &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]),
];

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    let mappings: Vec<&Resource> = project.of_kind("aws_lambda_event_source_mapping").collect();
    if mappings.is_empty() {
        return;
    }
    let identities = identities(project);
    for mapping in mappings {
        let (Some(source), Some(target)) =
            (mapping.values.get("event_source_arn"), mapping.values.get("function_name"))
        else {
            continue;
        };
        let read = SOURCES.iter().find_map(|(kind, attribute, needed)| {
            let named = |r: &&Resource| refers_to(source, r, &[attribute]) && is_attribute(source, attribute);
            project.of_kind(kind).find(named).map(|r| (r, *needed))
        });
        let function = project.of_kind("aws_lambda_function").find(|f| refers_to(target, f, &["arn", "function_name"]));
        let (Some((queue, needed)), Some(function)) = (read, function) else { continue };
        let Some(role) = function.values.get("role") else { continue };
        let Some(role) = project.of_kind("aws_iam_role").find(|r| refers_to(role, r, &["arn"])) else { continue };
        if has_unread(project, role) {
            continue;
        }
        let identity = identities.iter().find(|i| i.name == role.address);
        let granted = |a: &str| identity.is_some_and(|i: &Identity<'_>| i.allows(a) && allows_on(i, a, queue));
        let missing: Vec<&str> = needed.iter().copied().filter(|a| !granted(a)).collect();
        if !missing.is_empty() {
            report(mapping, queue, role, &missing, reporter);
        }
    }
}

/// Whether a statement that allows the action may cover the resource. The ARN of a stream ends in a timestamp that is
/// not known before it exists, so the resource of a table's stream is not compared.
pub(crate) fn allows_on(identity: &Identity<'_>, action: &str, resource: &Resource) -> bool {
    let named = |i: &Item| may_refer_to(Some(&Value::new(Data::String(i.text.clone()), i.at.span)), resource, &["arn"]);
    let covers = |s: &Statement| {
        let resources = s.resources.as_ref();
        resources.is_none_or(|r| r.negated || r.incomplete || r.items.iter().any(named))
    };
    let statements = identity.policies.iter().flat_map(|p| &p.statements);
    resource.kind == "aws_dynamodb_table"
        || statements.filter(|s| s.allows() && s.applies_to_action(action)).any(covers)
}

/// Whether an unresolved value refers to the attribute; the ARN of a table is not the ARN of its stream.
fn is_attribute(value: &Value, attribute: &str) -> bool {
    match &value.data {
        Data::Unknown(unknown) => unknown.reference.as_deref().is_none_or(|r| r.ends_with(&format!(".{attribute}"))),
        _ => true,
    }
}

fn report(mapping: &Resource, queue: &Resource, role: &Resource, missing: &[&str], reporter: &mut Reporter<'_>) {
    let list: Vec<String> = missing.iter().map(|a| format!("`{a}`")).collect();
    let message = format!(
        "`{}` reads from `{}` with the role `{}`, which does not allow {}",
        mapping.address,
        queue.address,
        role.address,
        list.join(", ")
    );
    let finding = reporter.span(mapping.head, message, "allow these actions on the source in the role's policy");
    finding.address = Some(mapping.address.clone());
    finding.related(role.head, "the role is here").related(queue.head, "the source is here");
}
