use iam_policy::arn::Arn;
use iam_policy::model::Item;
use source_text::Value;
use terraform_eval::Resource;
use terraform_eval::address::{same_resource, split_reference};

use crate::access::refers_to;
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "acl-without-effect",
    family: Family::Wiring,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("acl_without_effect.md"),
    check: Check::Project(check),
};

const ACL_ACTIONS: &[&str] =
    &["s3:putobjectacl", "s3:getobjectacl", "s3:putobjectversionacl", "s3:getobjectversionacl", "s3:putbucketacl"];

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    let enforced = |control: &Resource| {
        let rules = control.values.get("rule").map(Value::elements).unwrap_or_default();
        rules.iter().any(|r| r.get("object_ownership").and_then(Value::as_str) == Some("BucketOwnerEnforced"))
    };
    let controls: Vec<&Resource> =
        project.of_kind("aws_s3_bucket_ownership_controls").filter(|c| enforced(c)).collect();
    let has_acls_disabled = |bucket: &Resource| {
        controls.iter().any(|c| c.values.get("bucket").is_some_and(|v| refers_to(v, bucket, &["bucket", "id"])))
    };
    let buckets: Vec<&Resource> = project.of_kind("aws_s3_bucket").filter(|b| has_acls_disabled(b)).collect();
    for acl in project.of_kind("aws_s3_bucket_acl") {
        let own = |b: &&&Resource| acl.values.get("bucket").is_some_and(|v| refers_to(v, b, &["bucket", "id"]));
        let Some(bucket) = buckets.iter().find(own) else { continue };
        let message = format!(
            "`{}` sets an ACL on `{}`, which has ACLs disabled; AWS rejects the request",
            acl.address, bucket.address
        );
        let finding = reporter.span(acl.head, message, "remove the ACL resource");
        finding.address = Some(acl.address.clone());
        finding.related(bucket.head, "the bucket is here");
    }
    for policy in &project.policies {
        for statement in policy.statements.iter().filter(|s| s.allows()) {
            let resources = statement.resource_items();
            let Some(bucket) =
                buckets.iter().find(|b| !resources.is_empty() && resources.iter().all(|r| is_in_bucket(r, b)))
            else {
                continue;
            };
            for item in
                statement.action_items().iter().filter(|i| ACL_ACTIONS.contains(&i.raw().to_ascii_lowercase().as_str()))
            {
                let message = format!("`{}` is granted on `{}`, which has ACLs disabled", item.text, bucket.address);
                reporter
                    .policy(policy, item.at, message, "remove the action")
                    .related(bucket.head, "the bucket is here");
            }
        }
    }
}

/// Whether a resource is the bucket or an object in it.
pub(crate) fn is_in_bucket(item: &Item, bucket: &Resource) -> bool {
    let referred = item.text.unknowns().first().and_then(|h| h.reference.as_deref()).and_then(split_reference);
    let named = Arn::parse(item.raw()).map(|a| a.resource.split('/').next().unwrap_or_default());
    referred.is_some_and(|(address, _, _)| same_resource(address, &bucket.address))
        || item.text.is_known() && named.is_some() && named == bucket.values.get("bucket").and_then(Value::as_str)
}
