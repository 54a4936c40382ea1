//! The S3 calls that several commands make. Listings come page by page, bodies are streamed.

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumMode, EncodingType};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_support::aws::listed_key;
use lambda_support::log::escape;
use sha2::{Digest, Sha256};
use sluice_types::digest::hex;

use crate::aws::{explain, status};

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Key.
    pub key: String,
    /// Version-id.
    pub version_id: String,
    /// Size in bytes.
    pub size: u64,
    /// ETag without quotes.
    pub etag: Option<String>,
    /// Seconds since 1970.
    pub modified: i64,
    /// Whether it is the current one.
    pub latest: bool,
    /// Whether it only hides what was there.
    pub marker: bool,
}

/// What S3 says of an object: checksums of the whole object only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Size in bytes.
    pub size: u64,
    /// Its version.
    pub version_id: Option<String>,
    /// SHA-256, hexadecimal.
    pub sha256: Option<String>,
    /// CRC-64/NVME, base64.
    pub crc64: Option<String>,
}

/// S3, as one role.
#[derive(Clone)]
pub struct Store {
    /// The client.
    pub s3: Client,
}

impl Store {
    /// S3 by this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { s3: Client::new(config) }
    }

    /// The versions under `prefix`, page by page.
    #[must_use]
    pub fn versions(&self, bucket: &str, prefix: &str) -> Versions {
        Versions {
            s3: self.s3.clone(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            next: Some((None, None)),
            undecodable: Vec::new(),
        }
    }

    /// The current objects under `prefix`, page by page.
    #[must_use]
    pub fn objects(&self, bucket: &str, prefix: &str) -> Objects {
        Objects {
            s3: self.s3.clone(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            next: Some(None),
            undecodable: Vec::new(),
        }
    }

    /// What S3 says of an object, or of one version of it; `None` if it is not there.
    ///
    /// # Errors
    /// When S3 does not say.
    pub async fn head(&self, bucket: &str, key: &str, version: Option<&str>) -> anyhow::Result<Option<Facts>> {
        let head = self.head_all(bucket, key, version).await?;
        Ok(head.as_ref().map(facts))
    }

    /// Everything that S3 says of an object, or of one version of it; `None` if it is not there.
    ///
    /// # Errors
    /// When S3 does not say.
    pub async fn head_all(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> anyhow::Result<Option<HeadObjectOutput>> {
        let request = self.s3.head_object().bucket(bucket).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => Ok(Some(head)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(explain(place("look at", bucket, key), &error)),
        }
    }

    /// The bytes of an object, at most `limit`; `None` if it is not there.
    ///
    /// # Errors
    /// When it cannot be read or is larger.
    pub async fn read(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        limit: u64,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let take = |part: &[u8]| {
            bytes.extend_from_slice(part);
            bytes.len() as u64 <= limit
        };
        match self.stream(bucket, key, version, take).await? {
            None => Ok(None),
            Some(_) if bytes.len() as u64 > limit => Err(anyhow!(
                "`s3://{}/{}` has more than {limit} bytes, so it is not what it should be",
                escape(bucket),
                escape(key)
            )),
            Some(_) => Ok(Some(bytes)),
        }
    }

    /// The SHA-256 of an object's bytes, hexadecimal, by reading them; `None` if it is not there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn digest(&self, bucket: &str, key: &str, version: Option<&str>) -> anyhow::Result<Option<String>> {
        self.stream(bucket, key, version, |_| true).await
    }

    /// The SHA-256 of an object, from S3 or, where S3 has none of the whole object, from its bytes.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn sha256(&self, bucket: &str, key: &str, facts: &Facts) -> anyhow::Result<Option<String>> {
        match &facts.sha256 {
            Some(known) => Ok(Some(known.clone())),
            None => self.digest(bucket, key, facts.version_id.as_deref()).await,
        }
    }

    async fn stream(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> anyhow::Result<Option<String>> {
        let request = self.s3.get_object().bucket(bucket).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) if status(&error) == Some(404) && error.code() != Some("NoSuchBucket") => {
                return Ok(None);
            }
            Err(error) => return Err(explain(place("read", bucket, key), &error)),
        };
        let (mut body, mut digest) = (object.body, Sha256::new());
        let torn = || format!("{} broke off: run it again", place("reading", bucket, key));
        while let Some(part) = body.try_next().await.with_context(torn)? {
            digest.update(&part);
            if !take(&part) {
                break;
            }
        }
        Ok(Some(hex(&digest.finalize())))
    }

    /// Deletes exactly one version.
    ///
    /// # Errors
    /// When S3 does not.
    pub async fn delete(&self, bucket: &str, key: &str, version: &str) -> anyhow::Result<()> {
        let request = self.s3.delete_object().bucket(bucket).key(key);
        let deleted = request.version_id(version).send().await;
        deleted.map_err(|e| explain(place("delete", bucket, key), &e))?;
        Ok(())
    }

    /// Deletes every version of exactly this key, oldest first, so that it is seen until the last one goes.
    ///
    /// # Errors
    /// When S3 does not.
    pub async fn purge(&self, bucket: &str, key: &str) -> anyhow::Result<()> {
        let mut pages = self.versions(bucket, key);
        let mut found = Vec::new();
        while let Some(page) = pages.next().await? {
            let past = page.iter().any(|v| v.key.as_str() > key);
            found.extend(page.into_iter().filter(|v| v.key == key));
            if past {
                break;
            }
        }
        for version in found.iter().rev() {
            self.delete(bucket, key, &version.version_id).await?;
        }
        Ok(())
    }
}

/// `verb` and where, for messages.
#[must_use]
pub fn place(verb: &str, bucket: &str, key: &str) -> String {
    format!("{verb} `s3://{}/{}`", escape(bucket), escape(key))
}

/// What S3 says of an object in the answer to a head.
#[must_use]
pub fn facts(head: &HeadObjectOutput) -> Facts {
    let whole = |sum: Option<&str>| sum.filter(|s| !s.contains('-')).map(str::to_owned);
    let sha256 = whole(head.checksum_sha256());
    Facts {
        size: head.content_length().and_then(|s| s.try_into().ok()).unwrap_or(0),
        version_id: head.version_id().map(str::to_owned),
        sha256: sha256.and_then(|s| BASE64_STANDARD.decode(s).ok()).map(|d| hex(&d)),
        crc64: whole(head.checksum_crc64_nvme()),
    }
}

/// A listing of versions under way.
pub struct Versions {
    s3: Client,
    bucket: String,
    prefix: String,
    next: Option<(Option<String>, Option<String>)>,
    undecodable: Vec<String>,
}

/// The keys of one page of a listing, decoded; those that cannot be are kept apart.
struct Keys<'a> {
    encoding: Option<&'a EncodingType>,
    undecodable: &'a mut Vec<String>,
}

impl Keys<'_> {
    fn decode(&mut self, listed: Option<&str>) -> Option<String> {
        let listed = listed?;
        let decoded = listed_key(listed, self.encoding).ok();
        if decoded.is_none() {
            self.undecodable.push(listed.to_owned());
        }
        decoded
    }
}

impl Versions {
    /// The next page, in S3's order; `None` after the last.
    ///
    /// # Errors
    /// When S3 does not list.
    pub async fn next(&mut self) -> anyhow::Result<Option<Vec<Version>>> {
        let Some((key, version)) = self.next.take() else {
            return Ok(None);
        };
        let request = self.s3.list_object_versions().bucket(&self.bucket);
        let request = request.prefix(&self.prefix).set_key_marker(key);
        let request = request.encoding_type(EncodingType::Url);
        let page = request.set_version_id_marker(version).send().await;
        let page = page.map_err(|e| explain(listing(&self.bucket), &e))?;
        let encoding = page.encoding_type();
        if page.is_truncated() == Some(true) {
            let marker = page.next_key_marker();
            let marker = marker.map(|m| listed_key(m, encoding)).transpose()?;
            self.next = Some((marker, page.next_version_id_marker.clone()));
        }
        let undecodable = &mut self.undecodable;
        let mut keys = Keys { encoding, undecodable };
        let seconds = |at: Option<&DateTime>| at.map_or(0, DateTime::secs);
        let mut found: Vec<Version> = Vec::new();
        found.extend(page.versions().iter().filter_map(|v| {
            Some(Version {
                key: keys.decode(v.key())?,
                version_id: v.version_id().unwrap_or("null").to_owned(),
                size: v.size().and_then(|s| s.try_into().ok()).unwrap_or(0),
                etag: v.e_tag().map(|e| e.trim_matches('"').to_owned()),
                modified: seconds(v.last_modified()),
                latest: v.is_latest() == Some(true),
                marker: false,
            })
        }));
        found.extend(page.delete_markers().iter().filter_map(|m| {
            Some(Version {
                key: keys.decode(m.key())?,
                version_id: m.version_id().unwrap_or("null").to_owned(),
                size: 0,
                etag: None,
                modified: seconds(m.last_modified()),
                latest: m.is_latest() == Some(true),
                marker: true,
            })
        }));
        Ok(Some(found))
    }

    /// The keys seen since the last call that are not UTF-8 once decoded, as the listing has them.
    #[must_use]
    pub fn take_undecodable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.undecodable)
    }
}

/// A listing of current objects under way.
pub struct Objects {
    s3: Client,
    bucket: String,
    prefix: String,
    next: Option<Option<String>>,
    undecodable: Vec<String>,
}

impl Objects {
    /// The keys of the next page, in S3's order; `None` after the last.
    ///
    /// # Errors
    /// When S3 does not list.
    pub async fn next(&mut self) -> anyhow::Result<Option<Vec<String>>> {
        let Some(token) = self.next.take() else {
            return Ok(None);
        };
        let request = self.s3.list_objects_v2().bucket(&self.bucket);
        let request = request.prefix(&self.prefix).set_continuation_token(token);
        let page = request.encoding_type(EncodingType::Url).send().await;
        let page = page.map_err(|e| explain(listing(&self.bucket), &e))?;
        self.next = page.next_continuation_token.clone().map(Some);
        let (encoding, undecodable) = (page.encoding_type(), &mut self.undecodable);
        let mut keys = Keys { encoding, undecodable };
        let listed = page.contents().iter();
        Ok(Some(listed.filter_map(|o| keys.decode(o.key())).collect()))
    }

    /// The keys seen since the last call that are not UTF-8 once decoded, as the listing has them.
    #[must_use]
    pub fn take_undecodable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.undecodable)
    }
}

fn listing(bucket: &str) -> String {
    format!("list bucket `{}`", escape(bucket))
}
