//! The file that the smoke test puts and reads back.

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use sluice_types::ObjectVersion;
use sluice_types::digest::sha256;

use super::checks::Checks;
use crate::aws::errors::explain;
use crate::aws::s3::{Store, action_on};
use crate::cloudtrail::object_requests::ObjectRequest;
use crate::outputs::Provenance as Names;
use crate::report::message;
use crate::time::{now, rfc3339};

pub(super) struct TestFile {
    /// Its version-id is empty if the bucket is not versioned.
    pub(super) version: ObjectVersion,
    /// Hexadecimal.
    pub(super) sha256: String,
    /// When it was put, in seconds since 1970, by the clock of S3 if it could be read.
    pub(super) at: i64,
    /// The requests that put and read it.
    pub(super) requests: Vec<ObjectRequest>,
}

/// What reading the file back has shown.
struct ReadBack {
    sha256: String,
    /// In seconds since 1970.
    modified: Option<i64>,
    request_id: String,
}

/// Puts the test file, reads it back, and checks access, encryption and versioning; `None` if the uploader may not put it.
pub(super) async fn put(
    config: &SdkConfig,
    names: &Names,
    checks: &mut Checks<'_>,
) -> anyhow::Result<Option<TestFile>> {
    let (at, bucket) = (now(), names.data_bucket.clone());
    let watched_bucket = names.watched.iter().find(|w| w.bucket == bucket);
    let watched = watched_bucket.context("the data bucket is not watched: apply the current `terraform/`")?;
    let prefix = watched.prefixes.first().map_or("", String::as_str);
    let text = format!("sluice smoke test of {bucket} at {}, process {}\n", rfc3339(at), std::process::id());
    let sha256 = sha256(text.as_bytes());
    let key = format!("{prefix}smoke-test/{}-{}.txt", rfc3339(at).replace(':', "-"), &sha256[..8]);
    let store = Store::new(config);
    let body = ByteStream::from(text.into_bytes());
    let request = store.s3.put_object().bucket(&bucket).key(&key).body(body).content_type("text/plain");
    let output = match request.send().await {
        Ok(output) => output,
        Err(error) => {
            let error = explain(action_on("write", &bucket, &key), &error);
            checks.print("access", false, &message(&error));
            return Ok(None);
        }
    };
    let version_id = output.version_id().unwrap_or_default().to_owned();
    let request = |event_name, request_id: &str| ObjectRequest {
        event_name,
        bucket: bucket.clone(),
        key: key.clone(),
        request_id: request_id.to_owned(),
    };
    let mut requests = vec![request("PutObject", output.request_id().unwrap_or_default())];
    let read_back = match read_back(&store, &bucket, &key).await {
        Ok(found) => {
            let is_same = found.sha256 == sha256;
            let what =
                if is_same { "the uploader can put and read a file" } else { "the object differs from the file" };
            checks.print("access", is_same, what);
            requests.push(request("GetObject", &found.request_id));
            Some(found)
        }
        Err(error) => {
            checks.print("access", false, &message(&error));
            None
        }
    };
    check_put(&output, names.key_arn.as_deref(), checks);
    let at = read_back.and_then(|found| found.modified).unwrap_or(at);
    Ok(Some(TestFile { version: ObjectVersion { bucket, key, version_id }, sha256, at, requests }))
}

async fn read_back(store: &Store, bucket: &str, key: &str) -> anyhow::Result<ReadBack> {
    let request = store.s3.get_object().bucket(bucket).key(key);
    let output = request.send().await.map_err(|e| explain(action_on("read", bucket, key), &e))?;
    let request_id = output.request_id().unwrap_or_default().to_owned();
    let modified = output.last_modified().map(aws_sdk_s3::primitives::DateTime::secs);
    let body = output.body.collect().await.with_context(|| action_on("cannot read", bucket, key))?;
    Ok(ReadBack { sha256: sha256(&body.into_bytes()), modified, request_id })
}

/// Checks the answer to the put.
fn check_put(output: &PutObjectOutput, key_arn: Option<&str>, checks: &mut Checks<'_>) {
    let (is_encrypted, what) = encryption(output, key_arn);
    checks.print("encryption", is_encrypted, &what);
    match output.version_id().unwrap_or_default() {
        "" => checks.print("version", false, "the bucket is not versioned"),
        version_id => checks.print("version", true, version_id),
    }
}

/// Whether the deployment's encryption was applied, according to the answer of S3, and a description.
fn encryption(output: &PutObjectOutput, key_arn: Option<&str>) -> (bool, String) {
    let algorithm = output.server_side_encryption();
    let algorithm_name = algorithm.map_or("none", ServerSideEncryption::as_str);
    let Some(expected_key) = key_arn else {
        return (
            algorithm == Some(&ServerSideEncryption::Aes256),
            format!("{algorithm_name}; the deployment uses SSE-S3"),
        );
    };
    let key = output.ssekms_key_id().unwrap_or("none");
    let has_bucket_key = output.bucket_key_enabled() == Some(true);
    let is_expected = algorithm == Some(&ServerSideEncryption::AwsKms) && key == expected_key && has_bucket_key;
    let with = if has_bucket_key { "with" } else { "without" };
    (is_expected, format!("{algorithm_name} by {key}, {with} a bucket key; the deployment's key is {expected_key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encryption_must_be_the_deployments() {
        let kms = |key: &str, bucket_key| {
            PutObjectOutput::builder()
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(key)
                .bucket_key_enabled(bucket_key)
                .build()
        };
        let s3 = PutObjectOutput::builder().server_side_encryption(ServerSideEncryption::Aes256).build();
        let none = PutObjectOutput::builder().build();
        for (answer, key, expected) in [
            (&kms("k", true), Some("k"), true),
            (&kms("other", true), Some("k"), false),
            (&kms("k", false), Some("k"), false),
            (&s3, Some("k"), false),
            (&s3, None, true),
            (&none, None, false),
        ] {
            assert_eq!(encryption(answer, key).0, expected, "{answer:?}");
        }
    }

    #[test]
    fn text_and_json_of_the_put() {
        crate::report::testing::assert_printed("smoke-put", |report| {
            let put = PutObjectOutput::builder().server_side_encryption(ServerSideEncryption::Aes256);
            for (put, key) in [(put.clone().version_id("v"), None), (put, Some("k"))] {
                check_put(&put.build(), key, &mut Checks::new(report));
            }
        });
    }
}
