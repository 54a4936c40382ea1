use iam_policy::model::Policy;
use source_text::Value;
use terraform_eval::Resource;

use crate::access::{may_refer_to, refers_to};
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "target-without-permission",
    family: Family::Wiring,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("target_without_permission.md"),
    check: Check::Project(check),
};

/// The type of a target, the action that delivers to it, and the carriers of its policy.
type Target = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// A carrier is a Terraform resource type with the attribute that names the target, empty for the target itself.
const TARGETS: &[Target] = &[
    ("aws_sqs_queue", "sqs:SendMessage", &[("aws_sqs_queue_policy", "queue_url"), ("aws_sqs_queue", "")]),
    ("aws_sns_topic", "sns:Publish", &[("aws_sns_topic_policy", "arn"), ("aws_sns_topic", "")]),
    ("aws_lambda_function", "lambda:InvokeFunction", &[("aws_lambda_permission", "function_name")]),
];

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for target in project.of_kind("aws_cloudwatch_event_target") {
        // A target with a role needs no resource policy: EventBridge delivers as the role.
        let own_role = target.values.get("role_arn").is_some_and(|v| !matches!(v.data, source_text::Data::Null));
        if let Some(arn) = target.values.get("arn").filter(|_| !own_role) {
            check_target(project, target, arn, "events.amazonaws.com", reporter);
        }
        // Dead letters are always sent by the service principal, with or without a role.
        for dead_letter_config in target.values.get("dead_letter_config").map(Value::elements).unwrap_or_default() {
            if let Some(arn) = dead_letter_config.get("arn") {
                check_target(project, target, arn, "events.amazonaws.com", reporter);
            }
        }
    }
    for subscription in project.of_kind("aws_sns_topic_subscription") {
        if let Some(arn) = subscription.values.get("endpoint") {
            check_target(project, subscription, arn, "sns.amazonaws.com", reporter);
        }
    }
    for filter in project.of_kind("aws_cloudwatch_log_subscription_filter") {
        if let Some(arn) = filter.values.get("destination_arn") {
            check_target(project, filter, arn, LOGS_SERVICE, reporter);
        }
    }
    for notification in project.of_kind("aws_s3_bucket_notification") {
        for (block, attribute) in
            [("queue", "queue_arn"), ("topic", "topic_arn"), ("lambda_function", "lambda_function_arn")]
        {
            for inner in notification.values.get(block).map(Value::elements).unwrap_or_default() {
                if let Some(arn) = inner.get(attribute) {
                    check_target(project, notification, arn, "s3.amazonaws.com", reporter);
                }
            }
        }
    }
}

fn check_target(project: &Project, sender: &Resource, arn: &Value, service: &str, reporter: &mut Reporter<'_>) {
    for (kind, action, carriers) in TARGETS {
        let Some(target) = project.of_kind(kind).find(|t| refers_to(arn, t, &["arn"])) else { continue };
        let attribute = |carrier: &Resource| carriers.iter().find(|(c, _)| *c == carrier.kind).map(|(_, a)| *a);
        let keys = ["arn", "id", "url", "function_name"];
        let own = |carrier: &Resource| match attribute(carrier) {
            Some("") => carrier.address == target.address,
            Some(a) => carrier.values.get(a).is_some_and(|v| refers_to(v, target, &keys)),
            None => false,
        };
        let may_belong_to_target = |carrier: &Resource| {
            let named = attribute(carrier).filter(|a| !a.is_empty()).map(|a| carrier.values.get(a));
            !own(carrier) && named.is_some_and(|v| may_refer_to(v, target, &keys))
        };
        if project.resources.iter().any(may_belong_to_target) {
            continue;
        }
        let carrying: Vec<&Resource> = project.resources.iter().filter(|r| own(r)).collect();
        let policies: Vec<&Policy> = project
            .policies
            .iter()
            .filter(|p| carrying.iter().any(|c| Some(&c.address) == p.address.as_ref()))
            .collect();
        let known = carrying
            .iter()
            .filter(|c| c.kind != *kind)
            .all(|c| policies.iter().any(|p| p.address.as_ref() == Some(&c.address)));
        let written = target.values.get("policy").is_some_and(Value::is_unknown);
        if known && !written && !policies.iter().any(|p| allows_service(p, service, action)) {
            let message =
                format!("`{}` sends to `{}`, whose policy does not allow `{service}`", sender.address, target.address);
            let help = match *kind {
                "aws_lambda_function" => format!("add an `aws_lambda_permission` for `{service}`"),
                _ => format!(
                    "allow `{action}` for `{service}` in the target's policy, with a condition on `aws:SourceArn`"
                ),
            };
            let finding = reporter.span(sender.head, message, help);
            finding.address = Some(sender.address.clone());
            finding.related(target.head, "the target is here");
        }
    }
}

/// The service principal of CloudWatch Logs, which also exists per region.
const LOGS_SERVICE: &str = "logs.amazonaws.com";

fn is_service(name: &str, service: &str) -> bool {
    name == service || service == LOGS_SERVICE && name.starts_with("logs.") && name.ends_with(".amazonaws.com")
}

fn allows_service(policy: &Policy, service: &str, action: &str) -> bool {
    policy.statements.iter().filter(|s| s.allows() && s.applies_to_action(action)).any(|s| {
        s.principals.as_ref().is_some_and(|p| {
            p.incomplete
                || p.items
                    .iter()
                    .any(|i| i.is_everyone() || is_service(i.item.raw(), service) || !i.item.text.is_known())
        })
    })
}
