use iam_policy::model::{Item, Policy};
use source_text::{Data, Value};
use terraform_eval::Resource;

use crate::access::{Identity, has_unread, identities, may_refer_to, refers_to};
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::acl_without_effect::is_in_bucket;
use crate::rules::event_source_without_grant::allows_on;

pub(crate) static RULE: Rule = Rule {
    name: "missing-key-grant",
    family: Family::Wiring,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("missing_key_grant.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    let own = |b| Some((b, encryption_key(project, b)?));
    let buckets: Vec<(&Resource, &Resource)> = project.of_kind("aws_s3_bucket").filter_map(own).collect();
    if buckets.is_empty() {
        return;
    }
    for identity in identities(project) {
        let holder = project.resource(&identity.name);
        if !holder.is_some_and(|h| has_unread(project, h)) {
            check_identity(&identity, &buckets, reporter);
        }
    }
}

fn check_identity(identity: &Identity<'_>, buckets: &[(&Resource, &Resource)], reporter: &mut Reporter<'_>) {
    for (action, key_action) in [("s3:GetObject", "kms:Decrypt"), ("s3:PutObject", "kms:GenerateDataKey")] {
        let is_locked =
            |(_, key): &&(&Resource, &Resource)| !(identity.allows(key_action) && allows_on(identity, key_action, key));
        let locked: Vec<&Resource> = buckets.iter().filter(is_locked).map(|(bucket, _)| *bucket).collect();
        let found = identity
            .policies
            .iter()
            .find_map(|p| granting_item(p, action, &locked).map(|(item, bucket)| (*p, item, bucket)));
        let Some((policy, item, bucket)) = found else { continue };
        let message = format!(
            "`{action}` on `{}` also requires `{key_action}` on the bucket's KMS key, which no policy grants",
            bucket.address
        );
        reporter
            .policy(policy, item.at, message, format!("allow `{key_action}` on the key"))
            .related(bucket.head, "the bucket is here");
    }
}

fn granting_item<'a>(policy: &'a Policy, action: &str, buckets: &[&'a Resource]) -> Option<(&'a Item, &'a Resource)> {
    policy.statements.iter().filter(|s| s.allows()).find_map(|s| {
        let item = s.action_items().iter().find(|i| i.raw().eq_ignore_ascii_case(action))?;
        let bucket = buckets.iter().find(|b| s.resource_items().iter().any(|r| is_in_bucket(r, b)))?;
        Some((item, *bucket))
    })
}

/// The key of the configuration that encrypts the bucket, if it has the default key policy.
fn encryption_key<'a>(project: &'a Project, bucket: &Resource) -> Option<&'a Resource> {
    project.of_kind("aws_s3_bucket_server_side_encryption_configuration").find_map(|config| {
        let ours = config.values.get("bucket").is_some_and(|v| refers_to(v, bucket, &["bucket", "id"]));
        let rules = config.values.get("rule").map(Value::elements).unwrap_or_default();
        let defaults =
            rules.iter().filter_map(|r| r.get("apply_server_side_encryption_by_default")).flat_map(Value::elements);
        defaults
            .filter_map(|d| d.get("kms_master_key_id"))
            .find_map(|v| key_with_default_policy(project, v))
            .filter(|_| ours)
    })
}

fn key_with_default_policy<'a>(project: &'a Project, value: &Value) -> Option<&'a Resource> {
    let key = project.of_kind("aws_kms_key").find(|k| refers_to(value, k, &["arn", "key_id", "id"]));
    key.filter(|k| {
        let written = k.values.get("policy").is_some_and(|p| !matches!(p.data, Data::Null));
        let apart = project
            .of_kind("aws_kms_key_policy")
            .any(|p| may_refer_to(p.values.get("key_id"), k, &["arn", "key_id", "id"]));
        !written && !apart
    })
}
