use source_text::{Data, Value};
use terraform_eval::address::split_reference;

use crate::access::refers_to;
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "duplicate-bucket-notification",
    family: Family::Wiring,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("duplicate_bucket_notification.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    let mut seen: Vec<(String, &terraform_eval::Resource)> = Vec::new();
    for notification in project.of_kind("aws_s3_bucket_notification") {
        let Some(bucket) = notification.values.get("bucket").and_then(|b| identity(b, project)) else {
            continue;
        };
        match seen.iter().find(|(b, _)| *b == bucket) {
            Some((_, first)) => {
                let message = format!(
                    "`{}` and `{}` configure the same bucket and overwrite each other",
                    notification.address, first.address
                );
                let finding = reporter.span(
                    notification.head,
                    message,
                    "merge the notifications of the bucket into one resource",
                );
                finding.address = Some(notification.address.clone());
                finding.related(first.head, "the other resource is here");
            }
            None => seen.push((bucket, notification)),
        }
    }
}

/// What identifies the bucket: its address, its name, or the reference to it. `None` when it may be one of several.
fn identity(value: &Value, project: &Project) -> Option<String> {
    let buckets: Vec<_> = project.of_kind("aws_s3_bucket").filter(|b| refers_to(value, b, &["bucket", "id"])).collect();
    match (buckets.as_slice(), &value.data) {
        ([bucket], _) => Some(bucket.address.clone()),
        ([], Data::String(text)) => text.as_known().map(str::to_owned),
        ([], Data::Unknown(unknown)) => {
            unknown.reference.as_deref().and_then(split_reference).map(|(address, _, _)| address.to_owned())
        }
        _ => None,
    }
}
