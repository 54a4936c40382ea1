use source_text::Value;

use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "equal-bucket-names",
    family: Family::Wiring,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("equal_bucket_names.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    let mut seen = std::collections::HashMap::new();
    for bucket in project.of_kind("aws_s3_bucket") {
        let Some(name) = bucket.values.get("bucket").and_then(Value::as_str).filter(|n| !n.is_empty()) else {
            continue;
        };
        match seen.get(name) {
            None => drop(seen.insert(name, bucket)),
            Some(first) => {
                let first: &terraform_eval::Resource = first;
                let message =
                    format!("`{}` and `{}` have the same bucket name `{name}`", bucket.address, first.address);
                let finding = reporter.span(bucket.head, message, "give each bucket a unique name");
                finding.address = Some(bucket.address.clone());
                finding.related(first.head, "the other bucket is here");
            }
        }
    }
}
