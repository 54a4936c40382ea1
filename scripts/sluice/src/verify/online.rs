//! The evidence in the receipts bucket, and the bytes of versions.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_kms::primitives::Blob;
use kit::journal::LEDGER;
use provenance::hash::{Reader, hash};
use provenance::version::{Facts, Unread};
use tokio::task::JoinSet;

use crate::aws::explain;
use crate::store::{Store, place};
use crate::verify::evidence::Found;
use crate::verify::key::PublicKeys;
use crate::verify::versions::Work;

/// Receipts and manifests are fetched this many at a time.
const AT_ONCE: usize = 64;
/// The longest object in the receipts bucket that is read: a manifest of the most that one may list.
const MAX_EVIDENCE: u64 = 256 * 1024 * 1024;

/// The public key of the signing key, from KMS.
///
/// # Errors
/// When KMS does not give it.
pub async fn public_key(config: &SdkConfig, key: &str) -> anyhow::Result<PublicKeys> {
    let request = aws_sdk_kms::Client::new(config)
        .get_public_key()
        .key_id(key);
    let answer = request.send().await;
    let answer = answer.map_err(|e| explain(format!("read the public key of `{key}`"), &e))?;
    let der = answer.public_key().map(Blob::as_ref);
    PublicKeys::of_der(der.unwrap_or_default()).with_context(|| format!("cannot use key `{key}`"))
}

/// The evidence in a bucket.
pub struct Evidence<'a> {
    /// S3.
    pub store: &'a Store,
    /// The receipts bucket.
    pub bucket: &'a str,
}

impl Evidence<'_> {
    /// The manifests, by key.
    ///
    /// # Errors
    /// When S3 does not give them.
    pub async fn manifests(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        self.each(LEDGER, |key, bytes| found.push((key, bytes)))
            .await?;
        Ok(found)
    }

    /// Hands over the receipts whose keys begin with `prefix`.
    ///
    /// # Errors
    /// When S3 does not give them.
    pub async fn receipts(&self, prefix: &str, mut take: impl FnMut(Found)) -> anyhow::Result<()> {
        self.each(prefix, |key, bytes| take(Found::read(key, &bytes)))
            .await
    }

    async fn each(
        &self,
        prefix: &str,
        mut take: impl FnMut(String, Vec<u8>),
    ) -> anyhow::Result<()> {
        let mut pages = self.store.objects(self.bucket, prefix);
        let mut running = JoinSet::new();
        let mut next = |done: Result<anyhow::Result<_>, _>| -> anyhow::Result<()> {
            let (key, bytes): (String, Option<Vec<u8>>) =
                done.context("a task of this program failed")??;
            // One that goes away while this looks is missing, which its manifest tells.
            if let Some(bytes) = bytes {
                take(key, bytes);
            }
            Ok(())
        };
        while let Some(page) = pages.next().await? {
            for key in page {
                if running.len() >= AT_ONCE
                    && let Some(done) = running.join_next().await
                {
                    next(done)?;
                }
                let (store, bucket) = (self.store.clone(), self.bucket.to_owned());
                running.spawn(async move {
                    let bytes = store.read(&bucket, &key, None, MAX_EVIDENCE).await?;
                    Ok((key, bytes))
                });
            }
        }
        while let Some(done) = running.join_next().await {
            next(done)?;
        }
        Ok(())
    }
}

/// What reading a version came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Bytes {
    /// They are what the receipt says.
    Same,
    /// They have this SHA-256.
    Other(String),
    /// The version went away while this looked.
    Gone,
}

/// Reads a version and compares it with its receipt; `progress` is told the bytes of each step.
///
/// # Errors
/// When it cannot be read.
pub async fn compare(
    store: &Store,
    work: &Work,
    reader: &Arc<Reader>,
    progress: impl Fn(u64),
) -> anyhow::Result<Bytes> {
    let facts = Facts {
        size: work.size,
        etag: work.etag.clone(),
        last_modified: None,
        checksum: None,
    };
    let version = &work.version;
    match hash(&store.s3, version, &facts, reader, progress).await {
        Ok(found) if found == work.sha256 => Ok(Bytes::Same),
        Ok(found) => Ok(Bytes::Other(found)),
        // Absent is also what may not be seen, which the second look says.
        Err(Unread::Absent(_)) if !there(store, work).await? => Ok(Bytes::Gone),
        Err(Unread::Absent(fault) | Unread::Refused { fault, .. } | Unread::Fault(fault)) => {
            Err(anyhow!(
                "cannot {}: {fault}",
                place("read", &version.bucket, &version.key)
            ))
        }
    }
}

async fn there(store: &Store, work: &Work) -> anyhow::Result<bool> {
    let of = &work.version;
    let head = store
        .head(&of.bucket, &of.key, Some(&of.version_id))
        .await?;
    Ok(head.is_some())
}
