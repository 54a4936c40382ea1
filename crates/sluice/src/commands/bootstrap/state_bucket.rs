//! The settings of the bucket for Terraform's state: versioned, encrypted, TLS only, not public, and old locks expire.

use std::fmt::Display;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, LifecycleRule, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    TransitionDefaultMinimumObjectSize, VersioningConfiguration,
};
use serde_json::Value;

use super::bucket::if_set;
use super::confirmation::Difference;
use super::{lock_lifecycle, tls_policy};
use crate::aws::errors::explain;

/// The settings of a bucket; `None` if a setting was never set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CurrentSettings {
    versioning: Option<BucketVersioningStatus>,
    public_access_block: Option<PublicAccessBlockConfiguration>,
    is_encrypted: bool,
    policy: Option<String>,
    rules: Vec<LifecycleRule>,
    minimum_transition_size: Option<TransitionDefaultMinimumObjectSize>,
}

/// A setting to change, and the call that changes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BucketChange {
    pub(crate) difference: Difference,
    action: ChangeAction,
}

#[derive(Debug, Clone, PartialEq)]
enum ChangeAction {
    BlockPublicAccess,
    EnableVersioning,
    Encrypt,
    PutPolicy(Value),
    PutLifecycle(Vec<LifecycleRule>, Option<TransitionDefaultMinimumObjectSize>),
}

impl BucketChange {
    fn new(setting: &str, current: impl Display, wanted: impl Display, action: ChangeAction) -> Self {
        Self { difference: Difference::new(setting, current, wanted), action }
    }
}

impl CurrentSettings {
    /// Reads the settings of a bucket.
    ///
    /// # Errors
    /// If one of them cannot be read: an unknown setting must not be replaced.
    pub(crate) async fn read(s3: &Client, bucket: &str) -> anyhow::Result<Self> {
        let read = |setting: &str| format!("read the {setting} of bucket `{bucket}`");
        let versioning =
            s3.get_bucket_versioning().bucket(bucket).send().await.map_err(|e| explain(read("versioning"), &e))?;
        let block = if_set(s3.get_public_access_block().bucket(bucket).send().await, read("public access block"))?;
        let encryption = if_set(s3.get_bucket_encryption().bucket(bucket).send().await, read("encryption"))?;
        let policy = if_set(s3.get_bucket_policy().bucket(bucket).send().await, read("policy"))?;
        let request = s3.get_bucket_lifecycle_configuration().bucket(bucket);
        let lifecycle = if_set(request.send().await, read("lifecycle rules"))?;
        let minimum_transition_size = lifecycle.as_ref().and_then(|l| l.transition_default_minimum_object_size.clone());
        Ok(Self {
            versioning: versioning.status,
            public_access_block: block.and_then(|b| b.public_access_block_configuration),
            is_encrypted: encryption.is_some(),
            policy: policy.and_then(|p| p.policy),
            rules: lifecycle.and_then(|l| l.rules).unwrap_or_default(),
            minimum_transition_size,
        })
    }

    /// The changes that the state at `state_key` needs. Existing policy statements and lifecycle rules are kept.
    ///
    /// # Errors
    /// If the bucket policy is not valid.
    pub(super) fn changes(&self, bucket: &str, region: &str, state_key: &str) -> anyhow::Result<Vec<BucketChange>> {
        let changes = [
            self.public_access_block_change(),
            self.versioning_change(),
            self.encryption_change(),
            self.policy_change(bucket, region)?,
            self.lifecycle_change(state_key)?,
        ];
        Ok(changes.into_iter().flatten().collect())
    }

    fn public_access_block_change(&self) -> Option<BucketChange> {
        let enabled = self.enabled_block_settings();
        let current = format!("{enabled} of 4 settings on");
        (enabled < 4).then(|| {
            BucketChange::new("public access block", current, "all 4 settings on", ChangeAction::BlockPublicAccess)
        })
    }

    fn versioning_change(&self) -> Option<BucketChange> {
        let status = self.versioning.as_ref().map(BucketVersioningStatus::as_str);
        let current = status.unwrap_or("never enabled").to_lowercase();
        (self.versioning != Some(BucketVersioningStatus::Enabled))
            .then(|| BucketChange::new("versioning", current, "enabled", ChangeAction::EnableVersioning))
    }

    fn encryption_change(&self) -> Option<BucketChange> {
        (!self.is_encrypted).then(|| BucketChange::new("default encryption", "none", "SSE-S3", ChangeAction::Encrypt))
    }

    fn policy_change(&self, bucket: &str, region: &str) -> anyhow::Result<Option<BucketChange>> {
        let policy = tls_policy::with_tls_statement(self.policy.as_deref(), bucket, region)?;
        let current = tls_policy::count_text(self.policy.as_deref());
        let wanted = "these, and one that denies requests without TLS";
        Ok(policy.map(|policy| BucketChange::new("bucket policy", current, wanted, ChangeAction::PutPolicy(policy))))
    }

    fn lifecycle_change(&self, state_key: &str) -> anyhow::Result<Option<BucketChange>> {
        let lock_key = lock_lifecycle::lock_key(state_key);
        if lock_lifecycle::covers(&self.rules, &lock_key) {
            return Ok(None);
        }
        let current = match self.rules.len() {
            0 => "none".to_owned(),
            1 => "1 rule".to_owned(),
            count => format!("{count} rules"),
        };
        let rules = [self.rules.as_slice(), &[lock_lifecycle::rule(&lock_key)?]].concat();
        let wanted = format!("these, and one that removes old versions of `{lock_key}` after a day");
        let action = ChangeAction::PutLifecycle(rules, self.minimum_transition_size.clone());
        Ok(Some(BucketChange::new("lifecycle rules", current, wanted, action)))
    }

    /// How many of the four public access block settings are enabled.
    fn enabled_block_settings(&self) -> usize {
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

/// Applies one change.
pub(super) async fn apply(s3: &Client, bucket: &str, change: &BucketChange) -> anyhow::Result<()> {
    let action = format!("set the {} of bucket `{bucket}`", change.difference.setting);
    match &change.action {
        ChangeAction::BlockPublicAccess => block_public_access(s3, bucket, &action).await,
        ChangeAction::EnableVersioning => enable_versioning(s3, bucket, &action).await,
        ChangeAction::Encrypt => encrypt(s3, bucket, &action).await,
        ChangeAction::PutPolicy(policy) => {
            let request = s3.put_bucket_policy().bucket(bucket);
            let put = request.policy(policy.to_string()).send().await;
            put.map_err(|e| explain(action, &e))?;
            Ok(())
        }
        ChangeAction::PutLifecycle(rules, minimum_size) => {
            let lifecycle = BucketLifecycleConfiguration::builder().set_rules(Some(rules.clone())).build()?;
            let request = s3
                .put_bucket_lifecycle_configuration()
                .bucket(bucket)
                .set_transition_default_minimum_object_size(minimum_size.clone())
                .lifecycle_configuration(lifecycle);
            request.send().await.map_err(|e| explain(action, &e))?;
            Ok(())
        }
    }
}

async fn block_public_access(s3: &Client, bucket: &str, action: &str) -> anyhow::Result<()> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let request = s3.put_public_access_block().bucket(bucket);
    let put = request.public_access_block_configuration(block).send().await;
    put.map_err(|e| explain(action, &e))?;
    Ok(())
}

async fn enable_versioning(s3: &Client, bucket: &str, action: &str) -> anyhow::Result<()> {
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = s3.put_bucket_versioning().bucket(bucket);
    let put = request.versioning_configuration(versioning).send().await;
    put.map_err(|e| explain(action, &e))?;
    Ok(())
}

async fn encrypt(s3: &Client, bucket: &str, action: &str) -> anyhow::Result<()> {
    let by_default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build()?;
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by_default).build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    let request = s3.put_bucket_encryption().bucket(bucket).server_side_encryption_configuration(encryption);
    request.send().await.map_err(|e| explain(action, &e))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(changes: &[BucketChange]) -> Vec<&str> {
        changes.iter().map(|c| c.difference.setting.as_str()).collect()
    }

    #[test]
    fn a_new_bucket_needs_every_change_once() {
        let mut current = CurrentSettings::default();
        let changes = current.changes("b", "eu-west-1", "dev.tfstate").unwrap();
        assert_eq!(
            names(&changes),
            ["public access block", "versioning", "default encryption", "bucket policy", "lifecycle rules"]
        );
        for change in changes {
            match change.action {
                ChangeAction::BlockPublicAccess => {
                    let on = PublicAccessBlockConfiguration::builder()
                        .block_public_acls(true)
                        .block_public_policy(true)
                        .ignore_public_acls(true)
                        .restrict_public_buckets(true);
                    current.public_access_block = Some(on.build());
                }
                ChangeAction::EnableVersioning => {
                    current.versioning = Some(BucketVersioningStatus::Enabled);
                }
                ChangeAction::Encrypt => current.is_encrypted = true,
                ChangeAction::PutPolicy(policy) => current.policy = Some(policy.to_string()),
                ChangeAction::PutLifecycle(rules, _) => current.rules = rules,
            }
        }
        let unchanged = current.changes("b", "eu-west-1", "dev.tfstate").unwrap();
        assert!(unchanged.is_empty(), "{unchanged:?}");
        let other = current.changes("b", "eu-west-1", "prod.tfstate").unwrap();
        assert_eq!(names(&other), ["lifecycle rules"]);
    }

    #[test]
    fn existing_rules_are_kept() {
        let minimum_size = TransitionDefaultMinimumObjectSize::VariesByStorageClass;
        let current = CurrentSettings {
            versioning: Some(BucketVersioningStatus::Suspended),
            rules: vec![lock_lifecycle::rule("theirs").unwrap()],
            minimum_transition_size: Some(minimum_size.clone()),
            ..CurrentSettings::default()
        };
        let changes = current.changes("b", "eu-west-1", "k").unwrap();
        assert!(changes.iter().any(|c| c.difference.current == "suspended"));
        let Some(ChangeAction::PutLifecycle(rules, kept)) = changes.last().map(|c| &c.action) else {
            panic!("no rule for the lock: {changes:?}");
        };
        assert_eq!((rules.len(), &rules[0]), (2, &current.rules[0]));
        assert_eq!(kept.as_ref(), Some(&minimum_size));
    }

    #[test]
    fn text_and_json_of_every_change() {
        crate::report::testing::assert_printed("bootstrap-changes", |report| {
            let theirs = CurrentSettings {
                versioning: Some(BucketVersioningStatus::Suspended),
                rules: vec![lock_lifecycle::rule("theirs").unwrap()],
                policy: Some(serde_json::json!({"Statement": [{}]}).to_string()),
                ..CurrentSettings::default()
            };
            for current in [CurrentSettings::default(), theirs] {
                let changes = current.changes("b", "eu-west-1", "dev.tfstate").unwrap();
                let differences: Vec<Difference> = changes.into_iter().map(|c| c.difference).collect();
                super::super::confirmation::print_differences(report, "bucket `b`", &differences, "would change");
            }
        });
    }
}
