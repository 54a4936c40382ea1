//! One file to one object: small ones in one conditional put, large ones in parts; S3 checks the bytes of both.

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
use sluice_types::digest::hex;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::aws::{explain, status};
use crate::report::message;
use crate::store::{Facts, Store, place};

/// Files above this go in parts of at least this.
const PART: u64 = 8 * 1024 * 1024;
/// S3's limit on parts.
const MAX_PARTS: u64 = 10_000;
/// S3's limit on an object.
const MAX_OBJECT: u64 = 5 * 1024 * 1024 * 1024 * 1024;
const JSON: &str = "application/json";

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It is a new version.
    New(Option<String>),
    /// Its bytes are the current version already.
    Present,
}

/// The sums of a local file.
struct Local {
    size: u64,
    sha256: String,
    crc64: Option<String>,
}

/// Sends files to one bucket.
#[derive(Clone)]
pub struct Sender {
    store: Store,
    bucket: Arc<str>,
    stopped: Arc<AtomicBool>,
    /// Whether the last file was there already: then the next one probably is, and looking is cheaper than sending.
    resuming: Arc<AtomicBool>,
}

impl Sender {
    /// A sender to `bucket`.
    #[must_use]
    pub fn new(config: &SdkConfig, bucket: &str) -> Self {
        Self { store: Store::new(config), bucket: bucket.into(), stopped: Arc::default(), resuming: Arc::default() }
    }

    /// Where it sends to.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Gives up what is sent in parts, leaving nothing behind.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Sends the file at `path` as `key`, unless its bytes are there.
    ///
    /// # Errors
    /// When the file cannot be read or S3 does not take it.
    pub async fn send(&self, path: &Path, key: &str) -> anyhow::Result<Sent> {
        let size = tokio::fs::metadata(path).await.context("cannot read it")?.len();
        if size > MAX_OBJECT {
            bail!("{size} bytes; S3 takes 5 TiB");
        }
        if size <= PART { self.small(path, key).await } else { self.large(path, key).await }
    }

    /// Only if nothing is there; else looks, and puts a new version only of other bytes.
    async fn small(&self, path: &Path, key: &str) -> anyhow::Result<Sent> {
        let bytes = tokio::fs::read(path).await.context("cannot read it")?;
        let digest = Sha256::digest(&bytes);
        let local = Local { size: bytes.len() as u64, sha256: hex(&digest), crc64: None };
        let resuming = self.resuming.load(Ordering::Relaxed);
        if resuming && self.present(key, &local).await? {
            return Ok(Sent::Present);
        }
        let body = SdkBody::from(bytes);
        let again = body.try_clone().context("the body cannot be sent twice")?;
        if let Some(sent) = self.put(key, body, &digest, Some("*")).await? {
            self.resuming.store(false, Ordering::Relaxed);
            return Ok(sent);
        }
        if self.present(key, &local).await? {
            self.resuming.store(true, Ordering::Relaxed);
            return Ok(Sent::Present);
        }
        let sent = self.put(key, again, &digest, None).await?;
        sent.context("S3 refused a put without a condition")
    }

    /// `None` if the condition does not hold.
    async fn put(
        &self,
        key: &str,
        body: SdkBody,
        digest: &[u8],
        if_none_match: Option<&str>,
    ) -> anyhow::Result<Option<Sent>> {
        let request = self.store.s3.put_object().bucket(&*self.bucket).key(key);
        let request = request
            .content_type(JSON)
            .checksum_sha256(BASE64_STANDARD.encode(digest))
            .set_if_none_match(if_none_match.map(str::to_owned));
        match request.body(ByteStream::new(body)).send().await {
            Ok(put) => Ok(Some(Sent::New(put.version_id))),
            // 409: somebody else is just putting the same key.
            Err(error) if if_none_match.is_some() && matches!(status(&error), Some(409 | 412)) => Ok(None),
            Err(error) => Err(explain(place("upload to", &self.bucket, key), &error)),
        }
    }

    /// Whether the current version has these bytes.
    async fn present(&self, key: &str, local: &Local) -> anyhow::Result<bool> {
        let Some(there) = self.store.head(&self.bucket, key, None).await? else {
            return Ok(false);
        };
        match same(local, &there) {
            Some(known) => Ok(known),
            None => {
                let digest = self.store.digest(&self.bucket, key, None).await?;
                Ok(digest.as_ref() == Some(&local.sha256))
            }
        }
    }

    async fn large(&self, path: &Path, key: &str) -> anyhow::Result<Sent> {
        let local = sums(path).await?;
        if self.present(key, &local).await? {
            return Ok(Sent::Present);
        }
        let request = self.store.s3.create_multipart_upload().bucket(&*self.bucket);
        let request = request
            .key(key)
            .content_type(JSON)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject);
        let started = request.send().await;
        let started = started.map_err(|e| explain(place("begin upload to", &self.bucket, key), &e))?;
        let id = started.upload_id().context("S3 gave the upload no id: run it again")?;
        match self.parts(path, key, id, &local).await {
            Ok(sent) => Ok(sent),
            Err(error) => Err(self.give_up(key, id, error).await),
        }
    }

    async fn give_up(&self, key: &str, id: &str, why: anyhow::Error) -> anyhow::Error {
        let request = self.store.s3.abort_multipart_upload().bucket(&*self.bucket);
        match request.key(key).upload_id(id).send().await {
            Ok(_) => why,
            Err(error) => {
                let error = explain(place("give up the parts of", &self.bucket, key), &error);
                anyhow::anyhow!("{}\n{}", message(&why), message(&error))
            }
        }
    }

    async fn parts(&self, path: &Path, key: &str, id: &str, local: &Local) -> anyhow::Result<Sent> {
        let mut file = File::open(path).await.context("cannot read it")?;
        let (mut parts, mut sent) = (Vec::new(), 0);
        while let Some(bytes) = next_part(&mut file, part_size(local.size)).await? {
            if self.stopped.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
            sent += bytes.len() as u64;
            let number = i32::try_from(parts.len() + 1).context("too many parts")?;
            parts.push(self.part(key, id, number, bytes).await?);
        }
        if sent != local.size {
            bail!("it changed while it was read; nothing was uploaded");
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.store.s3.complete_multipart_upload().bucket(&*self.bucket);
        let request = request.key(key).upload_id(id).multipart_upload(parts).checksum_type(ChecksumType::FullObject);
        let done = request.send().await;
        let done = done.map_err(|e| explain(place("finish upload to", &self.bucket, key), &e))?;
        // S3 has checked every part; its sum of the whole tells that none is missing or in another's place.
        let whole = done.checksum_crc64_nvme.filter(|sum| !sum.contains('-'));
        if whole.is_some() && whole != local.crc64 {
            bail!("what arrived is not the file; upload it again");
        }
        Ok(Sent::New(done.version_id))
    }

    async fn part(&self, key: &str, id: &str, number: i32, bytes: Vec<u8>) -> anyhow::Result<CompletedPart> {
        let mut crc = Crc::new(CrcAlgorithm::Crc64Nvme);
        crc.update(&bytes);
        let crc = base64(&crc);
        let request = self.store.s3.upload_part().bucket(&*self.bucket).key(key);
        let request = request.upload_id(id).part_number(number).checksum_crc64_nvme(&crc).body(ByteStream::from(bytes));
        let part = request.send().await;
        let part = part.map_err(|e| explain(place("upload a part of", &self.bucket, key), &e))?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).checksum_crc64_nvme(crc).build())
    }
}

fn base64(crc: &Crc) -> String {
    BASE64_STANDARD.encode(crc.finalize().to_be_bytes())
}

/// Bytes a part, so that all fit in S3's number of parts.
fn part_size(size: u64) -> u64 {
    size.div_ceil(MAX_PARTS).max(PART)
}

async fn next_part(file: &mut File, size: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size)?);
    file.take(size).read_to_end(&mut bytes).await.context("cannot read it")?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

async fn sums(path: &Path) -> anyhow::Result<Local> {
    let mut file = File::open(path).await.context("cannot read it")?;
    let (mut sha256, mut crc) = (Sha256::new(), Crc::new(CrcAlgorithm::Crc64Nvme));
    let mut size = 0;
    while let Some(bytes) = next_part(&mut file, PART).await? {
        sha256.update(&bytes);
        crc.update(&bytes);
        size += bytes.len() as u64;
    }
    Ok(Local { size, sha256: hex(&sha256.finalize()), crc64: Some(base64(&crc)) })
}

/// Whether both have the same bytes, as far as S3's sums tell; `None` if only reading them would.
fn same(local: &Local, there: &Facts) -> Option<bool> {
    if local.size != there.size {
        return Some(false);
    }
    if let Some(sha256) = &there.sha256 {
        return Some(*sha256 == local.sha256);
    }
    let (ours, theirs) = (local.crc64.as_ref()?, there.crc64.as_ref()?);
    Some(ours == theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_any_object_fit() {
        for size in [PART + 1, 100 * PART, MAX_OBJECT] {
            assert!(size.div_ceil(part_size(size)) <= MAX_PARTS, "{size}");
            assert!(part_size(size) >= PART);
        }
    }

    #[test]
    fn sums_decide_and_no_sum_means_reading() {
        let local = Local { size: 3, sha256: "aa".into(), crc64: Some("x".into()) };
        let there = |size, sha256: Option<&str>, crc64: Option<&str>| Facts {
            size,
            version_id: None,
            sha256: sha256.map(Into::into),
            crc64: crc64.map(Into::into),
        };
        assert_eq!(same(&local, &there(4, Some("aa"), None)), Some(false));
        assert_eq!(same(&local, &there(3, Some("aa"), Some("y"))), Some(true));
        assert_eq!(same(&local, &there(3, Some("bb"), None)), Some(false));
        assert_eq!(same(&local, &there(3, None, Some("x"))), Some(true));
        assert_eq!(same(&local, &there(3, None, Some("y"))), Some(false));
        assert_eq!(same(&local, &there(3, None, None)), None);
    }

    /// The check value of CRC-64/NVME, as S3 has it in base64.
    #[test]
    fn the_sum_is_the_one_of_s3() {
        let mut crc = Crc::new(CrcAlgorithm::Crc64Nvme);
        crc.update(b"123456789");
        assert_eq!(crc.finalize(), 0xAE8B_1486_0A79_9888);
    }
}
