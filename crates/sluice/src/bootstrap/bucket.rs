//! Whether a bucket exists, in which region and account it is, and what created it.

use anyhow::{anyhow, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, EncodingType, Tag};
use lambda_support::aws::{ErrorClass, classify};
use lambda_support::log::escape;

use crate::aws::explain;

/// The tag that a bucket gets in the request that creates it.
const CREATED_BY: (&str, &str) = ("sluice:bootstrap", "state");

/// What created a bucket that exists, as its tags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `sluice bootstrap`.
    Bootstrap,
    /// A tag says Terraform.
    Terraform,
    /// Nothing says what.
    Other,
}

/// Where a bucket is looked for: only the caller's own account counts, because anyone may take a name that can be
/// guessed.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The caller's account.
    pub account: &'a str,
    /// The region of the deployment.
    pub region: &'a str,
}

/// Whether the bucket exists, in this account and region. `flag` is what names it on the command line.
///
/// # Errors
/// When it is in another account or region, or AWS refuses.
pub async fn exists(s3: &Client, bucket: &str, place: Place<'_>, flag: &str) -> anyhow::Result<bool> {
    anyhow::ensure!(
        is_name(bucket),
        "`{}` is not a valid bucket name: {flag} takes 3 to 63 lower-case letters, digits, hyphens and dots",
        escape(bucket)
    );
    // A listing, because the answer to HeadBucket has no body and so no error code.
    let request = s3.list_objects_v2().bucket(bucket).max_keys(1);
    let request = request.encoding_type(EncodingType::Url);
    let request = request.expected_bucket_owner(place.account);
    match request.send().await {
        Ok(_) => Ok(true),
        Err(error) if classify(&error) == ErrorClass::NotFound => Ok(false),
        Err(error) => Err(unusable(bucket, place, flag, &error)),
    }
}

fn is_name(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    (3..=63).contains(&text.len())
        && text.bytes().all(|b| alphanumeric(b) || b == b'-' || b == b'.')
        && ends.into_iter().flatten().all(alphanumeric)
}

fn unusable(
    bucket: &str,
    place: Place<'_>,
    flag: &str,
    error: &SdkError<ListObjectsV2Error, HttpResponse>,
) -> anyhow::Error {
    let response = error.raw_response();
    let home = response.and_then(|r| r.headers().get("x-amz-bucket-region"));
    let code = error.code().unwrap_or_default();
    let region = place.region;
    match home {
        Some(home) if home != region => anyhow!(
            "bucket `{bucket}` is in region `{}`, not in `{region}`: pass that region with --region, or name another bucket with {flag}",
            escape(home)
        ),
        _ if matches!(code, "PermanentRedirect" | "AuthorizationHeaderMalformed") => anyhow!(
            "bucket `{bucket}` is in another region than `{region}`: pass its region with --region, or name another bucket with {flag}"
        ),
        _ if classify(error) == ErrorClass::Denied => anyhow!(
            "bucket `{bucket}` belongs to another account than {}, or your credentials lack s3:ListBucket on it: name another bucket with {flag}, or get that permission",
            place.account
        ),
        _ => explain(format!("look at bucket `{bucket}`"), error),
    }
}

/// Creates the bucket, tagged in the same request, so that a run that is killed right after it is recognised.
///
/// # Errors
/// When the name is taken or AWS refuses.
pub async fn create(s3: &Client, bucket: &str, region: &str) -> anyhow::Result<()> {
    let request = s3.create_bucket().bucket(bucket);
    let request = request.create_bucket_configuration(configuration(region)?);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => refused(bucket, &error),
    }
}

fn refused(bucket: &str, error: &SdkError<CreateBucketError, HttpResponse>) -> anyhow::Result<()> {
    match error.code().unwrap_or_default() {
        "BucketAlreadyExists" => bail!(
            "the name `{bucket}` is taken by another account: names are shared by all accounts, so name another bucket with --state-bucket"
        ),
        "BucketAlreadyOwnedByYou" => bail!(
            "bucket `{bucket}` was created by something else at the same moment: run this again to see what it is"
        ),
        "OperationAborted" => {
            bail!("bucket `{bucket}` is still being created or deleted: run this again in a few minutes")
        }
        _ => Err(explain(format!("create bucket `{bucket}`"), error)),
    }
}

/// us-east-1 is the one region that must not be named.
fn configuration(region: &str) -> anyhow::Result<CreateBucketConfiguration> {
    let location = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
    let (key, value) = CREATED_BY;
    Ok(CreateBucketConfiguration::builder()
        .set_location_constraint(location)
        .tags(Tag::builder().key(key).value(value).build()?)
        .build())
}

/// What the bucket's tags say created it.
///
/// # Errors
/// When AWS refuses to show them.
pub async fn origin(s3: &Client, bucket: &str) -> anyhow::Result<Origin> {
    let answer = s3.get_bucket_tagging().bucket(bucket).send().await;
    let tags = if_set(answer, format!("read the tags of bucket `{bucket}`"))?;
    Ok(tags.map_or(Origin::Other, |t| of_tags(t.tag_set())))
}

fn of_tags(tags: &[Tag]) -> Origin {
    let tagged = |(key, value): (&str, &str)| tags.iter().any(|t| (t.key(), t.value()) == (key, value));
    if tagged(CREATED_BY) {
        Origin::Bootstrap
    } else if tagged(("ManagedBy", "terraform")) {
        Origin::Terraform
    } else {
        Origin::Other
    }
}

/// A setting of a bucket, `None` where S3 says that it was never set. `what` is what was being done.
///
/// # Errors
/// When AWS does not say.
pub fn if_set<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    what: impl std::fmt::Display,
) -> anyhow::Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if classify(&error) == ErrorClass::NotFound => Ok(None),
        Err(error) => Err(explain(what, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 000.3: the one region that S3 wants unnamed.
    #[test]
    fn us_east_1_is_not_named_and_every_bucket_is_tagged() {
        for (region, named) in [("us-east-1", None), ("eu-central-1", Some("eu-central-1"))] {
            let configuration = configuration(region).unwrap();
            let location = configuration.location_constraint();
            assert_eq!(location.map(BucketLocationConstraint::as_str), named);
            assert_eq!(of_tags(configuration.tags()), Origin::Bootstrap);
        }
    }

    #[test]
    fn a_name_is_one_that_s3_takes() {
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
            assert_eq!(is_name(text), valid, "{text}");
        }
        assert!(is_name(&"x".repeat(63)) && !is_name(&"x".repeat(64)));
    }

    #[test]
    fn a_tag_says_what_created_a_bucket() {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
        assert_eq!(of_tags(&[tag("ManagedBy", "terraform")]), Origin::Terraform);
        assert_eq!(of_tags(&[tag("ManagedBy", "hand"), tag("sluice:bootstrap", "raw")]), Origin::Other);
        assert_eq!(of_tags(&[]), Origin::Other);
    }
}
