//! Whether a bucket exists in the caller's account and region, and what created it.

use anyhow::{anyhow, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, EncodingType, Tag};
use lambda_support::aws::{ErrorClass, classify};
use lambda_support::log::escape;

use crate::aws::errors::explain;

/// The tag that is set by the request that creates a bucket.
const CREATED_BY: (&str, &str) = ("sluice:bootstrap", "state");

/// What created a bucket, according to its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Bootstrap,
    Terraform,
    /// No tag says what.
    Other,
}

/// The account and region that a bucket must be in. Another account may have taken a bucket name that can be guessed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BucketOwner<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

/// Whether the bucket exists in this account and region. `flag` is its option on the command line.
///
/// # Errors
/// If it is in another account or region, or cannot be listed.
pub(crate) async fn exists(s3: &Client, bucket: &str, owner: BucketOwner<'_>, flag: &str) -> anyhow::Result<bool> {
    anyhow::ensure!(
        is_bucket_name(bucket),
        "`{}` is not a valid bucket name: {flag} takes 3 to 63 lower-case letters, digits, hyphens and dots",
        escape(bucket)
    );
    // The answer to HeadBucket has no body and so no error code; a listing has one.
    let request = s3
        .list_objects_v2()
        .bucket(bucket)
        .max_keys(1)
        .encoding_type(EncodingType::Url)
        .expected_bucket_owner(owner.account);
    match request.send().await {
        Ok(_) => Ok(true),
        Err(error) if classify(&error) == ErrorClass::NotFound => Ok(false),
        Err(error) => Err(explain_unusable(bucket, owner, flag, &error)),
    }
}

fn is_bucket_name(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let edges = [text.bytes().next(), text.bytes().next_back()];
    (3..=63).contains(&text.len())
        && text.bytes().all(|b| alphanumeric(b) || b == b'-' || b == b'.')
        && edges.into_iter().flatten().all(alphanumeric)
}

fn explain_unusable(
    bucket: &str,
    owner: BucketOwner<'_>,
    flag: &str,
    error: &SdkError<ListObjectsV2Error, HttpResponse>,
) -> anyhow::Error {
    let response = error.raw_response();
    let bucket_region = response.and_then(|r| r.headers().get("x-amz-bucket-region"));
    let code = error.code().unwrap_or_default();
    let region = owner.region;
    match bucket_region {
        Some(bucket_region) if bucket_region != region => anyhow!(
            "bucket `{bucket}` is in region `{}`, not in `{region}`: pass that region with --region, or name another bucket with {flag}",
            escape(bucket_region)
        ),
        _ if matches!(code, "PermanentRedirect" | "AuthorizationHeaderMalformed") => anyhow!(
            "bucket `{bucket}` is in another region than `{region}`: pass its region with --region, or name another bucket with {flag}"
        ),
        _ if classify(error) == ErrorClass::Denied => anyhow!(
            "bucket `{bucket}` belongs to another account than {}, or your credentials lack s3:ListBucket on it: name another bucket with {flag}, or get that permission",
            owner.account
        ),
        _ => explain(format!("look at bucket `{bucket}`"), error),
    }
}

/// Creates the bucket. The tag is set in the same request, so that the bucket is recognised even if the run is killed.
pub(crate) async fn create(s3: &Client, bucket: &str, region: &str) -> anyhow::Result<()> {
    let configuration = bucket_configuration(region)?;
    let request = s3.create_bucket().bucket(bucket).create_bucket_configuration(configuration);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => explain_create_error(bucket, &error),
    }
}

fn explain_create_error(bucket: &str, error: &SdkError<CreateBucketError, HttpResponse>) -> anyhow::Result<()> {
    match error.code().unwrap_or_default() {
        "BucketAlreadyExists" => {
            bail!("the bucket name `{bucket}` is taken by another account: use another name with --state-bucket")
        }
        "BucketAlreadyOwnedByYou" => {
            bail!("bucket `{bucket}` was created by another process at the same time: run this again")
        }
        "OperationAborted" => {
            bail!("bucket `{bucket}` is still being created or deleted: run this again in a few minutes")
        }
        _ => Err(explain(format!("create bucket `{bucket}`"), error)),
    }
}

/// The region is the location constraint, except for us-east-1, which S3 does not accept as one.
fn bucket_configuration(region: &str) -> anyhow::Result<CreateBucketConfiguration> {
    let location = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
    let (key, value) = CREATED_BY;
    Ok(CreateBucketConfiguration::builder()
        .set_location_constraint(location)
        .tags(Tag::builder().key(key).value(value).build()?)
        .build())
}

/// What created the bucket, according to its tags.
pub(crate) async fn origin(s3: &Client, bucket: &str) -> anyhow::Result<Origin> {
    let answer = s3.get_bucket_tagging().bucket(bucket).send().await;
    let tags = if_set(answer, format!("read the tags of bucket `{bucket}`"))?;
    Ok(tags.map_or(Origin::Other, |t| origin_of(t.tag_set())))
}

fn origin_of(tags: &[Tag]) -> Origin {
    let tagged = |(key, value): (&str, &str)| tags.iter().any(|t| (t.key(), t.value()) == (key, value));
    if tagged(CREATED_BY) {
        Origin::Bootstrap
    } else if tagged(("ManagedBy", "terraform")) {
        Origin::Terraform
    } else {
        Origin::Other
    }
}

/// A setting of a bucket; `None` if it was never set. `action` names the call.
pub(crate) fn if_set<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    action: impl std::fmt::Display,
) -> anyhow::Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if classify(&error) == ErrorClass::NotFound => Ok(None),
        Err(error) => Err(explain(action, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn us_east_1_is_no_location_constraint_and_every_bucket_is_tagged() {
        for (region, named) in [("us-east-1", None), ("eu-central-1", Some("eu-central-1"))] {
            let configuration = bucket_configuration(region).unwrap();
            let location = configuration.location_constraint();
            assert_eq!(location.map(BucketLocationConstraint::as_str), named);
            assert_eq!(origin_of(configuration.tags()), Origin::Bootstrap);
        }
    }

    #[test]
    fn bucket_names_follow_the_rules_of_s3() {
        for (text, valid) in [
            ("sluice-tfstate-eu-central-1-111122223333", true),
            ("a.b", true),
            ("ab", false),
            ("-abc", false),
            ("abc-", false),
            ("Abc", false),
            ("a_bc", false),
            ("", false),
        ] {
            assert_eq!(is_bucket_name(text), valid, "{text}");
        }
        assert!(is_bucket_name(&"x".repeat(63)) && !is_bucket_name(&"x".repeat(64)));
    }

    #[test]
    fn tags_identify_the_origin() {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
        assert_eq!(origin_of(&[tag("ManagedBy", "terraform")]), Origin::Terraform);
        assert_eq!(origin_of(&[tag("ManagedBy", "hand"), tag("sluice:bootstrap", "raw")]), Origin::Other);
        assert_eq!(origin_of(&[]), Origin::Other);
    }
}
