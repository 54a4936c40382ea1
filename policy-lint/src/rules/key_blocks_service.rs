//! See the page.
use crate::evaluate::names;
use crate::model::Sort;
use crate::project::Project;
use crate::project::Resource;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::value::Value;

/// The rule.
pub static RULE: Rule = Rule {
    name: "key-blocks-service",
    family: Family::Wiring,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("key_blocks_service.md"),
    check: Check::Project(check),
};

fn check(project: &Project, out: &mut Out<'_>) {
    for (kind, carrier, attribute) in
        [("aws_sqs_queue", "aws_sqs_queue_policy", "queue_url"), ("aws_sns_topic", "aws_sns_topic_policy", "arn")]
    {
        for target in project.of_kind(kind) {
            let key = target.values.get("kms_master_key_id").and_then(Value::as_str).unwrap_or_default();
            if !key.ends_with("alias/aws/sqs") && !key.ends_with("alias/aws/sns") {
                continue;
            }
            let own = |r: &&Resource| {
                r.kind == carrier && r.values.get(attribute).is_some_and(|v| names(v, target, &["arn", "id", "url"]))
                    || r.address == target.address
            };
            let addresses: Vec<&String> = project.resources.iter().filter(own).map(|r| &r.address).collect();
            let policies =
                project.policies.iter().filter(|p| p.address.as_ref().is_some_and(|a| addresses.contains(&a)));
            let principals =
                policies.flat_map(|p| &p.statements).filter(|s| s.allows()).filter_map(|s| s.principals.as_ref());
            let sender = principals.flat_map(|p| &p.items).find(|p| p.sort == Sort::Service);
            if let Some(sender) = sender {
                let message =
                    format!("`{}` is encrypted with `{key}`, which `{}` cannot use", target.address, sender.item.text);
                let finding = out.span(
                    target.head,
                    message,
                    "use the service's own encryption, or a key whose policy lets the service in",
                );
                finding.address = Some(target.address.clone());
                finding.related(sender.item.at.span, "the service is let in here");
            }
        }
    }
}
