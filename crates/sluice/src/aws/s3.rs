//! S3 operations that several commands use. Bodies are streamed.

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_support::aws::unquote_etag;
use lambda_support::log::escape;
use sha2::{Digest, Sha256};
use sluice_types::digest::hex;
use sluice_types::{Checksum, ObjectAttributes};

use crate::aws::errors::{explain, status};
use crate::aws::s3_listing::{Objects, Versions, timestamp};

/// S3 as one role.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) s3: Client,
}

impl Store {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self { s3: Client::new(config) }
    }

    /// The object versions and delete markers under `prefix`.
    pub(crate) fn versions(&self, bucket: &str, prefix: &str) -> Versions {
        Versions::new(&self.s3, bucket, prefix)
    }

    /// The current objects under `prefix`.
    pub(crate) fn objects(&self, bucket: &str, prefix: &str) -> Objects {
        Objects::new(&self.s3, bucket, prefix)
    }

    /// The attributes of an object or of one version of it; `None` if it does not exist.
    pub(crate) async fn head(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> anyhow::Result<Option<ObjectAttributes>> {
        let head = self.head_output(bucket, key, version_id).await?;
        Ok(head.as_ref().map(attributes))
    }

    /// The whole answer to `HeadObject`; `None` if the object or version does not exist.
    pub(crate) async fn head_output(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> anyhow::Result<Option<HeadObjectOutput>> {
        let request = self.s3.head_object().bucket(bucket).key(key).set_version_id(version_id.map(str::to_owned));
        match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => Ok(Some(head)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(explain(action_on("look at", bucket, key), &error)),
        }
    }

    /// Reads an object of at most `limit` bytes; `None` if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read or is larger.
    pub(crate) async fn read(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        limit: u64,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let take = |part: &[u8]| {
            bytes.extend_from_slice(part);
            bytes.len() as u64 <= limit
        };
        match self.stream(bucket, key, version_id, take).await? {
            None => Ok(None),
            Some(_) if bytes.len() as u64 > limit => Err(anyhow!(
                "`s3://{}/{}` has more than {limit} bytes, so it is not the expected object",
                escape(bucket),
                escape(key)
            )),
            Some(_) => Ok(Some(bytes)),
        }
    }

    /// Reads an object and returns its SHA-256, hexadecimal; `None` if it does not exist.
    pub(crate) async fn compute_sha256(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> anyhow::Result<Option<String>> {
        self.stream(bucket, key, version_id, |_| true).await
    }

    /// The SHA-256 of an object, hexadecimal: the checksum that S3 stores or, if S3 has none of the whole object, that of its
    /// bytes.
    pub(crate) async fn sha256(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        attributes: &ObjectAttributes,
    ) -> anyhow::Result<Option<String>> {
        match stored_sha256(attributes) {
            Some(sha256) => Ok(Some(sha256)),
            None => self.compute_sha256(bucket, key, version_id).await,
        }
    }

    /// Streams an object to `take` until it returns false. Returns the SHA-256 of what was read.
    async fn stream(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> anyhow::Result<Option<String>> {
        let request = self.s3.get_object().bucket(bucket).key(key).set_version_id(version_id.map(str::to_owned));
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) if status(&error) == Some(404) && error.code() != Some("NoSuchBucket") => {
                return Ok(None);
            }
            Err(error) => return Err(explain(action_on("read", bucket, key), &error)),
        };
        let (mut body, mut digest) = (object.body, Sha256::new());
        let interrupted = || format!("{} was interrupted: run this again", action_on("reading", bucket, key));
        while let Some(part) = body.try_next().await.with_context(interrupted)? {
            digest.update(&part);
            if !take(&part) {
                break;
            }
        }
        Ok(Some(hex(&digest.finalize())))
    }

    /// Deletes exactly one version. `s3:DeleteObjectVersion` is granted to the operator role by `RemoveFromQuarantine` in
    /// `terraform/modules/ingest/iam.tf`, for the quarantine bucket only.
    pub(crate) async fn delete(&self, bucket: &str, key: &str, version_id: &str) -> anyhow::Result<()> {
        let request = self.s3.delete_object().bucket(bucket).key(key).version_id(version_id);
        request.send().await.map_err(|e| explain(action_on("delete", bucket, key), &e))?;
        Ok(())
    }

    /// Deletes every version of exactly this key, oldest first, so that the key is listed until the last one is deleted.
    pub(crate) async fn delete_all_versions(&self, bucket: &str, key: &str) -> anyhow::Result<()> {
        let mut pages = self.versions(bucket, key);
        let mut versions = Vec::new();
        while let Some(page) = pages.next().await? {
            let is_past_key = page.iter().any(|v| v.version.key.as_str() > key);
            versions.extend(page.into_iter().filter(|v| v.version.key == key));
            if is_past_key {
                break;
            }
        }
        for listed in versions.iter().rev() {
            self.delete(bucket, key, &listed.version.version_id).await?;
        }
        Ok(())
    }
}

/// "VERB `s3://BUCKET/KEY`", escaped, for messages.
pub(crate) fn action_on(verb: &str, bucket: &str, key: &str) -> String {
    format!("{verb} `s3://{}/{}`", escape(bucket), escape(key))
}

/// Size, ETag, time and the checksums that this tool compares.
fn attributes(head: &HeadObjectOutput) -> ObjectAttributes {
    let kind = head.checksum_type().map(|kind| kind.as_str().to_owned());
    let stored = [(SHA256, head.checksum_sha256()), (CRC64_NVME, head.checksum_crc64_nvme())];
    let checksum = |(algorithm, value): (&'static str, Option<&str>)| {
        Some(Checksum { algorithm, kind: kind.clone(), value: value?.to_owned() })
    };
    ObjectAttributes {
        size: head.content_length().and_then(|s| s.try_into().ok()).unwrap_or(0),
        etag: head.e_tag().map(unquote_etag),
        last_modified: head.last_modified().and_then(timestamp),
        checksums: stored.into_iter().filter_map(checksum).collect(),
    }
}

const SHA256: &str = "SHA256";
const CRC64_NVME: &str = "CRC64NVME";

/// The checksum of the whole object, base64; that of an object in parts has a `-` and their number.
fn full_object_checksum<'a>(attributes: &'a ObjectAttributes, algorithm: &str) -> Option<&'a str> {
    let checksum =
        attributes.checksums.iter().find(|stored| stored.algorithm == algorithm && !stored.value.contains('-'))?;
    Some(&checksum.value)
}

/// The SHA-256 that S3 stores, hexadecimal; `None` if it has none of the whole object.
pub(crate) fn stored_sha256(attributes: &ObjectAttributes) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(full_object_checksum(attributes, SHA256)?).ok()?;
    Some(hex(&bytes))
}

/// The CRC-64/NVME that S3 stores, base64; `None` if it has none of the whole object.
pub(crate) fn stored_crc64(attributes: &ObjectAttributes) -> Option<&str> {
    full_object_checksum(attributes, CRC64_NVME)
}
