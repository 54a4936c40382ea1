use iam_policy::pattern;
use source_text::{Data, Span, Value};
use terraform_eval::Resource;

use crate::access::{may_refer_to, refers_to};
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "bucket-events-disabled",
    family: Family::Wiring,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("bucket_events_disabled.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for rule in project.of_kind("aws_cloudwatch_event_rule") {
        let Some(pattern) = rule.values.get("event_pattern").and_then(decode_json) else { continue };
        let from_s3 = pattern.get("source").is_some_and(|s| s.elements().iter().any(|v| v.as_str() == Some("aws.s3")));
        let by_trail = pattern
            .get("detail-type")
            .is_some_and(|s| s.elements().iter().any(|v| v.as_str().is_some_and(|t| t.contains("CloudTrail"))));
        let named = pattern.path(&["detail", "bucket", "name"]).map(Value::elements).unwrap_or_default();
        if !from_s3 || by_trail {
            continue;
        }
        for name in named {
            let is_named = |b: &&Resource| refers_to(name, b, &["bucket"]) || matches_filter(name, b);
            let bucket = project.of_kind("aws_s3_bucket").find(is_named);
            if let Some(bucket) = bucket.filter(|b| !sends_events(project, b)) {
                report(rule, bucket, reporter);
            }
        }
    }
}

/// Whether a content filter of EventBridge (`prefix`, `suffix`, `wildcard`) matches the name of the bucket.
fn matches_filter(name: &Value, bucket: &Resource) -> bool {
    let Some(own) = bucket.values.get("bucket").and_then(Value::as_str) else { return false };
    let part = |key: &str| name.get(key).and_then(Value::as_str).filter(|p| !p.is_empty());
    part("prefix").is_some_and(|p| own.starts_with(p))
        || part("suffix").is_some_and(|p| own.ends_with(p))
        || part("wildcard").is_some_and(|p| pattern::matches(p, own))
}

fn report(rule: &Resource, bucket: &Resource, reporter: &mut Reporter<'_>) {
    let message = format!("`{}` matches events that `{}` does not send to EventBridge", rule.address, bucket.address);
    let finding = reporter.span(
        rule.head,
        message,
        "add an `aws_s3_bucket_notification` with `eventbridge = true` for the bucket",
    );
    finding.address = Some(rule.address.clone());
    finding.related(bucket.head, "the bucket is here");
}

fn sends_events(project: &Project, bucket: &Resource) -> bool {
    project.of_kind("aws_s3_bucket_notification").any(|n| {
        let on = n.values.get("eventbridge").is_some_and(|v| !matches!(v.data, Data::Bool(false) | Data::Null));
        on && may_refer_to(n.values.get("bucket"), bucket, &["bucket", "id"])
    })
}

fn decode_json(value: &Value) -> Option<Value> {
    match &value.data {
        Data::Encoded(inner) => Some(inner.as_ref().clone()),
        Data::String(text) => source_text::embedded_json::parse(text, Span::default()).ok(),
        _ => None,
    }
}
