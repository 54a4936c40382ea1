//! The bucket for Terraform's state: versioned, encrypted, TLS only, never public; what locks leave behind expires.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, LifecycleRule, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    TransitionDefaultMinimumObjectSize, VersioningConfiguration,
};
use serde_json::Value;

use super::bucket::if_set;
use super::consent::Difference;
use super::{lifecycle, policy};
use crate::aws::explain;

/// The settings that a bucket has, `None` where it has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Current {
    versioning: Option<BucketVersioningStatus>,
    public_access_block: Option<PublicAccessBlockConfiguration>,
    encrypted: bool,
    policy: Option<String>,
    rules: Vec<LifecycleRule>,
    smallest_transition: Option<TransitionDefaultMinimumObjectSize>,
}

/// A setting to change: for people, and for S3.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// For people.
    pub difference: Difference,
    action: Action,
}

#[derive(Debug, Clone, PartialEq)]
enum Action {
    BlockPublicAccess,
    EnableVersioning,
    Encrypt,
    PutPolicy(Value),
    PutLifecycle(Vec<LifecycleRule>, Option<TransitionDefaultMinimumObjectSize>),
}

impl Current {
    /// Reads the settings of a bucket.
    ///
    /// # Errors
    /// When AWS does not show one of them: what is not known is not replaced.
    pub async fn read(s3: &Client, bucket: &str) -> anyhow::Result<Self> {
        let of = |setting: &str| format!("read the {setting} of bucket `{bucket}`");
        let versioning = s3.get_bucket_versioning().bucket(bucket).send().await;
        let versioning = versioning.map_err(|e| explain(of("versioning"), &e))?;
        let block = s3.get_public_access_block().bucket(bucket).send().await;
        let block = if_set(block, of("public access block"))?;
        let encryption = s3.get_bucket_encryption().bucket(bucket).send().await;
        let encryption = if_set(encryption, of("encryption"))?;
        let policy = s3.get_bucket_policy().bucket(bucket).send().await;
        let policy = if_set(policy, of("policy"))?;
        let lifecycle = s3.get_bucket_lifecycle_configuration().bucket(bucket);
        let lifecycle = if_set(lifecycle.send().await, of("lifecycle rules"))?;
        let smallest = lifecycle.as_ref();
        let smallest = smallest.and_then(|l| l.transition_default_minimum_object_size.clone());
        Ok(Self {
            versioning: versioning.status,
            public_access_block: block.and_then(|b| b.public_access_block_configuration),
            encrypted: encryption.is_some(),
            policy: policy.and_then(|p| p.policy),
            rules: lifecycle.and_then(|l| l.rules).unwrap_or_default(),
            smallest_transition: smallest,
        })
    }

    /// What has to change for the state at `state_key`. Statements and rules that are there stay.
    ///
    /// # Errors
    /// When the bucket's policy cannot be read.
    pub fn changes(&self, bucket: &str, region: &str, state_key: &str) -> anyhow::Result<Vec<Change>> {
        let mut changes = Vec::new();
        let mut push = |setting: &str, current: String, wanted: &str, action| {
            changes.push(Change { difference: Difference::new(setting, current, wanted), action });
        };
        let blocked = self.blocked();
        if blocked < 4 {
            let current = format!("{blocked} of 4 settings on");
            push("public access block", current, "all 4 settings on", Action::BlockPublicAccess);
        }
        if self.versioning != Some(BucketVersioningStatus::Enabled) {
            let status = self.versioning.as_ref().map(BucketVersioningStatus::as_str);
            let current = status.unwrap_or("never enabled").to_lowercase();
            push("versioning", current, "enabled", Action::EnableVersioning);
        }
        if !self.encrypted {
            push("default encryption", "none".into(), "SSE-S3", Action::Encrypt);
        }
        if let Some(policy) = policy::with_tls(self.policy.as_deref(), bucket, region)? {
            let current = policy::count(self.policy.as_deref());
            let wanted = "these, and one that denies requests without TLS";
            push("bucket policy", current, wanted, Action::PutPolicy(policy));
        }
        let lock = lifecycle::lock_key(state_key);
        if !lifecycle::covers(&self.rules, &lock) {
            let current = match self.rules.len() {
                0 => "none".to_owned(),
                1 => "1 rule".to_owned(),
                more => format!("{more} rules"),
            };
            let rules = [self.rules.as_slice(), &[lifecycle::rule(&lock)?]].concat();
            let wanted = format!("these, and one that removes old versions of `{lock}` after a day");
            let action = Action::PutLifecycle(rules, self.smallest_transition.clone());
            push("lifecycle rules", current, &wanted, action);
        }
        Ok(changes)
    }

    fn blocked(&self) -> usize {
        let Some(block) = &self.public_access_block else {
            return 0;
        };
        let settings = [
            block.block_public_acls,
            block.block_public_policy,
            block.ignore_public_acls,
            block.restrict_public_buckets,
        ];
        settings.iter().filter(|on| **on == Some(true)).count()
    }
}

/// Makes one change.
///
/// # Errors
/// When AWS refuses.
pub async fn apply(s3: &Client, bucket: &str, change: &Change) -> anyhow::Result<()> {
    let what = format!("set the {} of bucket `{bucket}`", change.difference.setting);
    match &change.action {
        Action::BlockPublicAccess => block_public_access(s3, bucket, &what).await,
        Action::EnableVersioning => enable_versioning(s3, bucket, &what).await,
        Action::Encrypt => encrypt(s3, bucket, &what).await,
        Action::PutPolicy(policy) => {
            let request = s3.put_bucket_policy().bucket(bucket);
            let put = request.policy(policy.to_string()).send().await;
            put.map_err(|e| explain(what, &e))?;
            Ok(())
        }
        Action::PutLifecycle(rules, smallest) => {
            let lifecycle = BucketLifecycleConfiguration::builder().set_rules(Some(rules.clone())).build()?;
            let request = s3.put_bucket_lifecycle_configuration().bucket(bucket);
            let request = request.set_transition_default_minimum_object_size(smallest.clone());
            let put = request.lifecycle_configuration(lifecycle).send().await;
            put.map_err(|e| explain(what, &e))?;
            Ok(())
        }
    }
}

async fn block_public_access(s3: &Client, bucket: &str, what: &str) -> anyhow::Result<()> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let request = s3.put_public_access_block().bucket(bucket);
    let put = request.public_access_block_configuration(block).send().await;
    put.map_err(|e| explain(what, &e))?;
    Ok(())
}

async fn enable_versioning(s3: &Client, bucket: &str, what: &str) -> anyhow::Result<()> {
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = s3.put_bucket_versioning().bucket(bucket);
    let put = request.versioning_configuration(versioning).send().await;
    put.map_err(|e| explain(what, &e))?;
    Ok(())
}

async fn encrypt(s3: &Client, bucket: &str, what: &str) -> anyhow::Result<()> {
    let by_default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build()?;
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_default).build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    let request = s3.put_bucket_encryption().bucket(bucket);
    let request = request.server_side_encryption_configuration(encryption);
    request.send().await.map_err(|e| explain(what, &e))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|c| c.difference.setting.as_str()).collect()
    }

    #[test]
    fn a_new_bucket_gets_everything_and_then_nothing() {
        let mut current = Current::default();
        let changes = current.changes("b", "eu-west-1", "dev.tfstate").unwrap();
        assert_eq!(
            names(&changes),
            ["public access block", "versioning", "default encryption", "bucket policy", "lifecycle rules"]
        );
        for change in changes {
            match change.action {
                Action::BlockPublicAccess => {
                    let on = PublicAccessBlockConfiguration::builder()
                        .block_public_acls(true)
                        .block_public_policy(true)
                        .ignore_public_acls(true)
                        .restrict_public_buckets(true);
                    current.public_access_block = Some(on.build());
                }
                Action::EnableVersioning => {
                    current.versioning = Some(BucketVersioningStatus::Enabled);
                }
                Action::Encrypt => current.encrypted = true,
                Action::PutPolicy(policy) => current.policy = Some(policy.to_string()),
                Action::PutLifecycle(rules, _) => current.rules = rules,
            }
        }
        let unchanged = current.changes("b", "eu-west-1", "dev.tfstate").unwrap();
        assert!(unchanged.is_empty(), "{unchanged:?}");
        let other = current.changes("b", "eu-west-1", "prod.tfstate").unwrap();
        assert_eq!(names(&other), ["lifecycle rules"]);
    }

    #[test]
    fn what_others_set_is_kept() {
        let smallest = TransitionDefaultMinimumObjectSize::VariesByStorageClass;
        let current = Current {
            versioning: Some(BucketVersioningStatus::Suspended),
            rules: vec![lifecycle::rule("theirs").unwrap()],
            smallest_transition: Some(smallest.clone()),
            ..Current::default()
        };
        let changes = current.changes("b", "eu-west-1", "k").unwrap();
        assert!(changes.iter().any(|c| c.difference.current == "suspended"));
        let Some(Action::PutLifecycle(rules, kept)) = changes.last().map(|c| &c.action) else {
            panic!("no rule for the lock: {changes:?}");
        };
        assert_eq!((rules.len(), &rules[0]), (2, &current.rules[0]));
        assert_eq!(kept.as_ref(), Some(&smallest));
    }

    #[test]
    fn text_and_json_of_every_change() {
        crate::report::testing::assert_printed("bootstrap-changes", |report| {
            let theirs = Current {
                versioning: Some(BucketVersioningStatus::Suspended),
                rules: vec![lifecycle::rule("theirs").unwrap()],
                policy: Some(serde_json::json!({"Statement": [{}]}).to_string()),
                ..Current::default()
            };
            for current in [Current::default(), theirs] {
                let changes = current.changes("b", "eu-west-1", "dev.tfstate").unwrap();
                let differences: Vec<Difference> = changes.into_iter().map(|c| c.difference).collect();
                super::super::consent::show(report, "bucket `b`", &differences, "would change");
            }
        });
    }
}
