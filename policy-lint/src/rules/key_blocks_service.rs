use iam_policy::model::{Policy, Principal, PrincipalType, Principals, Statement};
use source_text::{Data, Value};
use terraform_eval::Resource;

use crate::access::{may_refer_to, refers_to};
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "key-blocks-service",
    family: Family::Wiring,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("key_blocks_service.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for (kind, carrier, attribute) in
        [("aws_sqs_queue", "aws_sqs_queue_policy", "queue_url"), ("aws_sns_topic", "aws_sns_topic_policy", "arn")]
    {
        for target in project.of_kind(kind) {
            let Some(key) = target.values.get("kms_master_key_id") else { continue };
            let own = |r: &Resource| {
                r.kind == carrier
                    && r.values.get(attribute).is_some_and(|v| refers_to(v, target, &["arn", "id", "url"]))
                    || r.address == target.address
            };
            let principals = statements_of(project, &own).filter(|s| s.allows()).filter_map(|s| s.principals.as_ref());
            let senders = principals.flat_map(|p| &p.items).filter(|p| p.principal_type == PrincipalType::Service);
            if let Some((sender, name)) = senders.into_iter().find_map(|s| Some((s, blocking_key(project, key, s)?))) {
                let message =
                    format!("`{}` is encrypted with `{name}`, which `{}` cannot use", target.address, sender.item.text);
                let help = "use a key whose policy allows the service to use `kms:GenerateDataKey` and `kms:Decrypt`, or SSE-SQS for a \
                            queue";
                let finding = reporter.span(target.head, message, help);
                finding.address = Some(target.address.clone());
                finding.related(sender.item.at.span, "the service is allowed here");
            }
        }
    }
}

/// The statements of the policies that certain resources carry.
fn statements_of<'a>(project: &'a Project, own: &dyn Fn(&Resource) -> bool) -> impl Iterator<Item = &'a Statement> {
    let addresses: Vec<&str> = project.resources.iter().filter(|r| own(r)).map(|r| r.address.as_str()).collect();
    let carried = move |p: &&Policy| p.address.as_deref().is_some_and(|a| addresses.contains(&a));
    project.policies.iter().filter(carried).flat_map(|p| &p.statements)
}

/// The name of the key if the service cannot use it: an AWS-managed key, or a key of the configuration whose policy does
/// not allow the service.
fn blocking_key(project: &Project, key: &Value, sender: &Principal) -> Option<String> {
    if let Some(name) = key.as_str().filter(|n| n.ends_with("alias/aws/sqs") || n.ends_with("alias/aws/sns")) {
        return Some(name.to_owned());
    }
    let attributes = ["arn", "key_id", "id"];
    let found = project.of_kind("aws_kms_key").find(|k| refers_to(key, k, &attributes))?;
    let is_key_policy = |r: &Resource| r.kind == "aws_kms_key_policy";
    let may_belong_to_key = |r: &Resource| {
        let key = r.values.get("key_id");
        !key.is_some_and(|v| refers_to(v, found, &attributes)) && may_refer_to(key, found, &attributes)
    };
    if project.resources.iter().any(|r| is_key_policy(r) && may_belong_to_key(r)) {
        return None;
    }
    let own = |r: &Resource| {
        r.address == found.address
            || is_key_policy(r) && r.values.get("key_id").is_some_and(|v| refers_to(v, found, &attributes))
    };
    let carriers = project.resources.iter().filter(|r| own(r));
    let written = carriers.filter_map(|r| r.values.get("policy")).filter(|p| !matches!(p.data, Data::Null)).count();
    let read = project
        .policies
        .iter()
        .filter(|p| project.resources.iter().any(|r| own(r) && Some(&r.address) == p.address.as_ref()));
    let allows_sender = |s: &Statement| {
        let named = |p: &Principal| p.is_everyone() || p.item.raw() == sender.item.raw() || !p.item.text.is_known();
        let includes = |p: &Principals| p.incomplete || p.negated || p.items.iter().any(named);
        s.allows() && s.principals.as_deref().is_some_and(includes) && s.applies_to_action("kms:GenerateDataKey")
    };
    let blocks = written == read.count() && !statements_of(project, &own).any(allows_sender);
    blocks.then(|| found.address.clone())
}
