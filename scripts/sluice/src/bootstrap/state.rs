//! The bucket for Terraform's state: versioned, encrypted, TLS only, never public; what locks leave behind expires.

use anyhow::{Context, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, VersioningConfiguration,
};
use serde_json::{Value, json};

use super::Settings;
use crate::aws::{explain, status};
use crate::report::Report;

const TLS_SID: &str = "DenyInsecureTransport";

/// Makes the bucket if it is missing, and puts right what is not.
///
/// # Errors
/// When it is somebody else's or AWS refuses.
pub async fn ensure(
    s3: &Client,
    bucket: &str,
    settings: &Settings,
    report: &Report,
) -> anyhow::Result<()> {
    let result = match s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => "there already",
        Err(error) => match status(&error) {
            Some(404) => {
                create(s3, bucket, &settings.region).await?;
                "made"
            }
            Some(301) => bail!(
                "bucket `{bucket}` is in another region than {}: name another --state-bucket",
                settings.region
            ),
            Some(403) => bail!(
                "bucket `{bucket}` is somebody else's, or your credentials may not see it: name another --state-bucket"
            ),
            _ => return Err(explain(format!("look at bucket `{bucket}`"), &error)),
        },
    };
    protect(s3, bucket).await?;
    demand_tls(s3, bucket).await?;
    expire_locks(s3, bucket, &settings.state_key).await?;
    report.line(
        format_args!(
            "bucket {bucket} {result}: versioned, encrypted, TLS only, not public, old locks expire"
        ),
        &json!({"bucket": bucket, "result": result}),
    );
    Ok(())
}

/// us-east-1 is the one region that must not be named.
fn location(region: &str) -> Option<CreateBucketConfiguration> {
    (region != "us-east-1").then(|| {
        let place = BucketLocationConstraint::from(region);
        CreateBucketConfiguration::builder()
            .location_constraint(place)
            .build()
    })
}

async fn create(s3: &Client, bucket: &str, region: &str) -> anyhow::Result<()> {
    let request = s3
        .create_bucket()
        .bucket(bucket)
        .set_create_bucket_configuration(location(region));
    let made = request.send().await;
    made.map_err(|e| explain(format!("make bucket `{bucket}`"), &e))?;
    Ok(())
}

async fn protect(s3: &Client, bucket: &str) -> anyhow::Result<()> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let put = s3
        .put_public_access_block()
        .bucket(bucket)
        .public_access_block_configuration(block)
        .send()
        .await;
    put.map_err(|e| explain(format!("block public access to bucket `{bucket}`"), &e))?;
    let versioning = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let put = s3
        .put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(versioning)
        .send()
        .await;
    put.map_err(|e| explain(format!("version bucket `{bucket}`"), &e))?;
    if s3
        .get_bucket_encryption()
        .bucket(bucket)
        .send()
        .await
        .is_ok()
    {
        return Ok(());
    }
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::Aes256)
        .build()?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .build();
    let encryption = ServerSideEncryptionConfiguration::builder()
        .rules(rule)
        .build()?;
    let put = s3
        .put_bucket_encryption()
        .bucket(bucket)
        .server_side_encryption_configuration(encryption)
        .send()
        .await;
    put.map_err(|e| explain(format!("encrypt bucket `{bucket}`"), &e))?;
    Ok(())
}

/// Adds the one statement to whatever policy is there.
async fn demand_tls(s3: &Client, bucket: &str) -> anyhow::Result<()> {
    let present = match s3.get_bucket_policy().bucket(bucket).send().await {
        Ok(answer) => answer.policy,
        Err(error)
            if error.as_service_error().and_then(|e| e.code()) == Some("NoSuchBucketPolicy") =>
        {
            None
        }
        Err(error) => {
            return Err(explain(
                format!("read the policy of bucket `{bucket}`"),
                &error,
            ));
        }
    };
    let Some(policy) = with_tls(present.as_deref(), bucket)? else {
        return Ok(());
    };
    let put = s3
        .put_bucket_policy()
        .bucket(bucket)
        .policy(policy.to_string())
        .send()
        .await;
    put.map_err(|e| explain(format!("demand TLS of bucket `{bucket}`"), &e))?;
    Ok(())
}

/// The policy with the statement; `None` if it has it.
fn with_tls(present: Option<&str>, bucket: &str) -> anyhow::Result<Option<Value>> {
    let mut policy: Value = match present {
        Some(text) => serde_json::from_str(text).context("the bucket's policy is not JSON")?,
        None => json!({"Version": "2012-10-17", "Statement": []}),
    };
    let statement = json!({
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    });
    let Some(statements) = policy.get_mut("Statement") else {
        bail!("the bucket's policy has no statements");
    };
    if let Value::Object(_) = statements {
        *statements = json!([statements.take()]);
    }
    let Some(list) = statements.as_array_mut() else {
        bail!("the bucket's policy has no statements");
    };
    if list.iter().any(|s| s["Sid"] == TLS_SID) {
        return Ok(None);
    }
    list.push(statement);
    Ok(Some(policy))
}

/// Every lock leaves versions and delete markers of `KEY.tflock`. Adds the rule for this key to those that are there.
async fn expire_locks(s3: &Client, bucket: &str, key: &str) -> anyhow::Result<()> {
    let present = match s3
        .get_bucket_lifecycle_configuration()
        .bucket(bucket)
        .send()
        .await
    {
        Ok(answer) => answer.rules.unwrap_or_default(),
        Err(error)
            if error.as_service_error().and_then(|e| e.code())
                == Some("NoSuchLifecycleConfiguration") =>
        {
            Vec::new()
        }
        Err(error) => {
            return Err(explain(
                format!("read the lifecycle of bucket `{bucket}`"),
                &error,
            ));
        }
    };
    let lock = format!("{key}.tflock");
    let covered = |rule: &LifecycleRule| {
        rule.filter().and_then(LifecycleRuleFilter::prefix) == Some(lock.as_str())
    };
    if present.iter().any(covered) {
        return Ok(());
    }
    let rules = present.into_iter().chain([rule(&lock)?]).collect();
    let lifecycle = BucketLifecycleConfiguration::builder()
        .set_rules(Some(rules))
        .build()?;
    let put = s3
        .put_bucket_lifecycle_configuration()
        .bucket(bucket)
        .lifecycle_configuration(lifecycle)
        .send()
        .await;
    put.map_err(|e| explain(format!("set the lifecycle of bucket `{bucket}`"), &e))?;
    Ok(())
}

fn rule(lock: &str) -> anyhow::Result<LifecycleRule> {
    let rule = LifecycleRule::builder()
        .id(format!("expire-locks-{}", lock.replace('/', "-"))
            .chars()
            .take(255)
            .collect::<String>())
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(lock).build())
        .noncurrent_version_expiration(
            NoncurrentVersionExpiration::builder()
                .noncurrent_days(1)
                .build(),
        )
        .expiration(
            LifecycleExpiration::builder()
                .expired_object_delete_marker(true)
                .build(),
        )
        .build()?;
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 000.3: the one region that S3 wants unnamed.
    #[test]
    fn us_east_1_is_not_named() {
        assert!(location("us-east-1").is_none());
        let named = location("eu-central-1").unwrap();
        assert_eq!(
            named
                .location_constraint()
                .map(BucketLocationConstraint::as_str),
            Some("eu-central-1")
        );
    }

    #[test]
    fn a_policy_that_is_there_is_kept() {
        let new = with_tls(None, "b").unwrap().unwrap();
        assert_eq!(new["Statement"][0]["Sid"], TLS_SID);
        assert_eq!(with_tls(Some(&new.to_string()), "b").unwrap(), None);
        let own = json!({"Version": "2012-10-17", "Statement": {"Sid": "Mine"}}).to_string();
        let both = with_tls(Some(&own), "b").unwrap().unwrap();
        assert_eq!(
            (&both["Statement"][0]["Sid"], &both["Statement"][1]["Sid"]),
            (&json!("Mine"), &json!(TLS_SID))
        );
        assert!(with_tls(Some("{}"), "b").is_err());
    }

    #[test]
    fn a_lock_has_its_rule() {
        let rule = rule("sluice/dev.tfstate.tflock").unwrap();
        assert_eq!(
            rule.filter().and_then(LifecycleRuleFilter::prefix),
            Some("sluice/dev.tfstate.tflock")
        );
        assert_eq!(rule.id(), Some("expire-locks-sluice-dev.tfstate.tflock"));
    }
}
