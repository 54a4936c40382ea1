//! Uploads one file as one object: a small file with one conditional `PutObject`, a large one in parts. S3 verifies the
//! checksums of both.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use aws_config::SdkConfig;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use sha2::{Digest, Sha256};
use sluice_types::ObjectAttributes;
use sluice_types::digest::hex;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::aws::errors::{explain, status};
use crate::aws::s3::{Store, action_on, stored_crc64, stored_sha256};
use crate::report::message;

/// Larger files are uploaded in parts of at least this size, in bytes.
const MIN_PART: u64 = 8 * 1024 * 1024;
/// S3's limit on the parts of an object.
const MAX_PARTS: u64 = 10_000;
/// S3's limit on an object, in bytes.
const MAX_OBJECT: u64 = 5 * 1024 * 1024 * 1024 * 1024;
const CONTENT_TYPE: &str = "application/json";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UploadResult {
    /// The file is a new version, with this version-id.
    NewVersion(Option<String>),
    /// The current version already has the same bytes.
    AlreadyPresent,
}

/// Size and checksums of a local file.
struct LocalChecksums {
    /// In bytes.
    size: u64,
    /// Hexadecimal.
    sha256: String,
    /// Base64; only of files that are uploaded in parts.
    crc64: Option<String>,
}

/// Uploads files to one bucket.
#[derive(Clone)]
pub(super) struct Uploader {
    store: Store,
    bucket: Arc<str>,
    stop: Arc<AtomicBool>,
    /// Whether the last file was already present: then the next one probably is too, and a lookup is cheaper than an upload.
    is_resuming: Arc<AtomicBool>,
}

impl Uploader {
    pub(super) fn new(config: &SdkConfig, bucket: &str) -> Self {
        Self { store: Store::new(config), bucket: bucket.into(), stop: Arc::default(), is_resuming: Arc::default() }
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// When set, multipart uploads are aborted.
    pub(super) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Uploads the file at `path` as `key`, unless the current version has the same bytes.
    pub(super) async fn upload(&self, path: &Path, key: &str) -> anyhow::Result<UploadResult> {
        let size = tokio::fs::metadata(path).await.context("cannot read it")?.len();
        if size > MAX_OBJECT {
            bail!("it has {size} bytes; the limit of S3 is 5 TiB");
        }
        if size <= MIN_PART { self.upload_small(path, key).await } else { self.upload_large(path, key).await }
    }

    /// Puts the object if the key is free; otherwise puts a new version only if the bytes differ.
    async fn upload_small(&self, path: &Path, key: &str) -> anyhow::Result<UploadResult> {
        let bytes = tokio::fs::read(path).await.context("cannot read it")?;
        let digest = Sha256::digest(&bytes);
        let local = LocalChecksums { size: bytes.len() as u64, sha256: hex(&digest), crc64: None };
        let is_resuming = self.is_resuming.load(Ordering::Relaxed);
        if is_resuming && self.is_present(key, &local).await? {
            return Ok(UploadResult::AlreadyPresent);
        }
        let body = SdkBody::from(bytes);
        let second_body = body.try_clone().context("the body cannot be sent twice")?;
        if let Some(result) = self.put(key, body, &digest, Some("*")).await? {
            self.is_resuming.store(false, Ordering::Relaxed);
            return Ok(result);
        }
        if self.is_present(key, &local).await? {
            self.is_resuming.store(true, Ordering::Relaxed);
            return Ok(UploadResult::AlreadyPresent);
        }
        let result = self.put(key, second_body, &digest, None).await?;
        result.context("S3 rejected an unconditional put: run this again")
    }

    /// `None` if the condition fails.
    async fn put(
        &self,
        key: &str,
        body: SdkBody,
        digest: &[u8],
        if_none_match: Option<&str>,
    ) -> anyhow::Result<Option<UploadResult>> {
        let request = self
            .store
            .s3
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_type(CONTENT_TYPE)
            .checksum_sha256(BASE64_STANDARD.encode(digest))
            .set_if_none_match(if_none_match.map(str::to_owned));
        match request.body(ByteStream::new(body)).send().await {
            Ok(put) => Ok(Some(UploadResult::NewVersion(put.version_id))),
            // 409: a concurrent request is putting the same key.
            Err(error) if if_none_match.is_some() && matches!(status(&error), Some(409 | 412)) => Ok(None),
            Err(error) => Err(explain(action_on("upload to", &self.bucket, key), &error)),
        }
    }

    /// Whether the current version has the same bytes.
    async fn is_present(&self, key: &str, local: &LocalChecksums) -> anyhow::Result<bool> {
        let Some(attributes) = self.store.head(&self.bucket, key, None).await? else {
            return Ok(false);
        };
        match same_bytes(local, &attributes) {
            Some(same) => Ok(same),
            None => {
                let sha256 = self.store.compute_sha256(&self.bucket, key, None).await?;
                Ok(sha256.as_ref() == Some(&local.sha256))
            }
        }
    }

    async fn upload_large(&self, path: &Path, key: &str) -> anyhow::Result<UploadResult> {
        let local = checksums(path).await?;
        if self.is_present(key, &local).await? {
            return Ok(UploadResult::AlreadyPresent);
        }
        let request = self
            .store
            .s3
            .create_multipart_upload()
            .bucket(&*self.bucket)
            .key(key)
            .content_type(CONTENT_TYPE)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject);
        let answer = request.send().await;
        let started = answer.map_err(|e| explain(action_on("start the upload to", &self.bucket, key), &e))?;
        let id = started.upload_id().context("S3 returned no upload id: run this again")?;
        match self.upload_parts(path, key, id, &local).await {
            Ok(result) => Ok(result),
            Err(error) => Err(self.abort(key, id, error).await),
        }
    }

    /// Aborts a multipart upload after `cause`; returns the error to report.
    async fn abort(&self, key: &str, id: &str, cause: anyhow::Error) -> anyhow::Error {
        let request = self.store.s3.abort_multipart_upload().bucket(&*self.bucket);
        match request.key(key).upload_id(id).send().await {
            Ok(_) => cause,
            Err(error) => {
                let error = explain(action_on("abort the upload to", &self.bucket, key), &error);
                anyhow::anyhow!("{}\n{}", message(&cause), message(&error))
            }
        }
    }

    async fn upload_parts(
        &self,
        path: &Path,
        key: &str,
        id: &str,
        local: &LocalChecksums,
    ) -> anyhow::Result<UploadResult> {
        let mut file = File::open(path).await.context("cannot read it")?;
        let (mut parts, mut size) = (Vec::new(), 0);
        while let Some(bytes) = next_part(&mut file, part_size(local.size)).await? {
            if self.stop.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
            size += bytes.len() as u64;
            let number = i32::try_from(parts.len() + 1).context("too many parts")?;
            parts.push(self.upload_part(key, id, number, bytes).await?);
        }
        if size != local.size {
            bail!("it changed while it was read: nothing was uploaded, run this again");
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self
            .store
            .s3
            .complete_multipart_upload()
            .bucket(&*self.bucket)
            .key(key)
            .upload_id(id)
            .multipart_upload(parts)
            .checksum_type(ChecksumType::FullObject);
        let answer = request.send().await;
        let completed = answer.map_err(|e| explain(action_on("complete the upload to", &self.bucket, key), &e))?;
        // S3 has verified every part; its checksum of the whole object shows that none is missing or out of order.
        let full_object = completed.checksum_crc64_nvme.filter(|checksum| !checksum.contains('-'));
        if full_object.is_some() && full_object != local.crc64 {
            bail!("the object differs from the file: upload it again");
        }
        Ok(UploadResult::NewVersion(completed.version_id))
    }

    async fn upload_part(&self, key: &str, id: &str, number: i32, bytes: Vec<u8>) -> anyhow::Result<CompletedPart> {
        let mut crc = Crc::new(CrcAlgorithm::Crc64Nvme);
        crc.update(&bytes);
        let checksum = crc_base64(&crc);
        let request = self
            .store
            .s3
            .upload_part()
            .bucket(&*self.bucket)
            .key(key)
            .upload_id(id)
            .part_number(number)
            .checksum_crc64_nvme(&checksum)
            .body(ByteStream::from(bytes));
        let answer = request.send().await;
        let part = answer.map_err(|e| explain(action_on("upload a part of", &self.bucket, key), &e))?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).checksum_crc64_nvme(checksum).build())
    }
}

fn crc_base64(crc: &Crc) -> String {
    BASE64_STANDARD.encode(crc.finalize().to_be_bytes())
}

/// The size of a part, so that the file fits into S3's limit on parts.
fn part_size(size: u64) -> u64 {
    size.div_ceil(MAX_PARTS).max(MIN_PART)
}

async fn next_part(file: &mut File, size: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size)?);
    file.take(size).read_to_end(&mut bytes).await.context("cannot read it")?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

async fn checksums(path: &Path) -> anyhow::Result<LocalChecksums> {
    let mut file = File::open(path).await.context("cannot read it")?;
    let (mut sha256, mut crc) = (Sha256::new(), Crc::new(CrcAlgorithm::Crc64Nvme));
    let mut size = 0;
    while let Some(bytes) = next_part(&mut file, MIN_PART).await? {
        sha256.update(&bytes);
        crc.update(&bytes);
        size += bytes.len() as u64;
    }
    Ok(LocalChecksums { size, sha256: hex(&sha256.finalize()), crc64: Some(crc_base64(&crc)) })
}

/// Whether file and object have the same bytes, according to S3's checksums; `None` if the object must be read.
fn same_bytes(local: &LocalChecksums, object: &ObjectAttributes) -> Option<bool> {
    if local.size != object.size {
        return Some(false);
    }
    if let Some(sha256) = stored_sha256(object) {
        return Some(sha256 == local.sha256);
    }
    let (local_crc, object_crc) = (local.crc64.as_deref()?, stored_crc64(object)?);
    Some(local_crc == object_crc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_types::Checksum;

    #[test]
    fn parts_of_any_object_fit_the_limit() {
        for size in [MIN_PART + 1, 100 * MIN_PART, MAX_OBJECT] {
            assert!(size.div_ceil(part_size(size)) <= MAX_PARTS, "{size}");
            assert!(part_size(size) >= MIN_PART);
        }
    }

    #[test]
    fn checksums_are_compared_if_s3_has_them() {
        let local = LocalChecksums { size: 3, sha256: "aa".into(), crc64: Some("x".into()) };
        let object = |size, sha256: Option<&[u8]>, crc64: Option<&str>| {
            let sha256 = sha256.map(|bytes| BASE64_STANDARD.encode(bytes));
            let stored = [("SHA256", sha256), ("CRC64NVME", crc64.map(str::to_owned))];
            let checksum =
                |(algorithm, value): (_, Option<String>)| Some(Checksum { algorithm, kind: None, value: value? });
            ObjectAttributes {
                size,
                checksums: stored.into_iter().filter_map(checksum).collect(),
                ..ObjectAttributes::default()
            }
        };
        assert_eq!(same_bytes(&local, &object(4, Some(&[0xaa]), None)), Some(false));
        assert_eq!(same_bytes(&local, &object(3, Some(&[0xaa]), Some("y"))), Some(true));
        assert_eq!(same_bytes(&local, &object(3, Some(&[0xbb]), None)), Some(false));
        assert_eq!(same_bytes(&local, &object(3, None, Some("x"))), Some(true));
        assert_eq!(same_bytes(&local, &object(3, None, Some("y"))), Some(false));
        assert_eq!(same_bytes(&local, &object(3, None, None)), None);
    }

    /// The check value of CRC-64/NVME, as S3 has it in base64.
    #[test]
    fn the_checksum_is_crc64_nvme() {
        let mut crc = Crc::new(CrcAlgorithm::Crc64Nvme);
        crc.update(b"123456789");
        assert_eq!(crc.finalize(), 0xAE8B_1486_0A79_9888);
    }
}
