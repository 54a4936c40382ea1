//! Reads the evidence in the receipts bucket, and the bytes of versions.

use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_kms::primitives::Blob;
use futures::{StreamExt, stream};
use provenance::hash::{Reader, hash};
use provenance::inspect::ReadError;
use sluice_types::ObjectAttributes;
use sluice_types::keys::LEDGER_PREFIX;

use super::evidence::FoundRecord;
use super::folder_evidence::{ManifestBodies, Unread};
use super::public_keys::PublicKeys;
use super::versions::{ContentStatus, PendingRead};
use crate::aws::errors::explain;
use crate::aws::s3::{Store, action_on};

/// Receipts and manifests that are read concurrently.
const MAX_CONCURRENT_READS: usize = 64;
/// The limit on a record or manifest, in bytes: a manifest with the maximal number of records.
const MAX_EVIDENCE: u64 = 256 * 1024 * 1024;

/// Reads the public key of the signing key from KMS.
pub(super) async fn read_public_key(config: &SdkConfig, key: &str) -> anyhow::Result<PublicKeys> {
    let answer = aws_sdk_kms::Client::new(config).get_public_key().key_id(key).send().await;
    let output = answer.map_err(|e| explain(format!("read the public key of `{key}`"), &e))?;
    let der = output.public_key().map(Blob::as_ref);
    PublicKeys::from_der(der.unwrap_or_default()).with_context(|| format!("cannot use key `{key}`"))
}

/// The evidence in a bucket.
pub(super) struct BucketEvidence<'a> {
    pub(super) store: &'a Store,
    /// The bucket of records and manifests.
    pub(super) bucket: &'a str,
}

impl BucketEvidence<'_> {
    /// Reads the manifests. Returns them by key, and those that could not be read.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub(super) async fn manifests(&self) -> anyhow::Result<(ManifestBodies, Vec<Unread>)> {
        let (mut manifests, mut unread) = (Vec::new(), Vec::new());
        self.read_all(LEDGER_PREFIX, |key, bytes| match bytes {
            Ok(bytes) => manifests.push((key, Some(bytes))),
            Err(reason) => {
                unread.push((key.clone(), reason));
                manifests.push((key, None));
            }
        })
        .await?;
        Ok((manifests, unread))
    }

    /// Reads the records under `prefix` and passes them to `take`, or why they could not be read.
    ///
    /// # Errors
    /// If they cannot be listed completely.
    pub(super) async fn records(
        &self,
        prefix: &str,
        mut take: impl FnMut(String, Result<FoundRecord, String>),
    ) -> anyhow::Result<()> {
        self.read_all(prefix, |key, bytes| {
            let record = bytes.map(|bytes| FoundRecord::parse(key.clone(), &bytes));
            take(key, record);
        })
        .await
    }

    async fn read_all(
        &self,
        prefix: &str,
        mut take: impl FnMut(String, Result<Vec<u8>, String>),
    ) -> anyhow::Result<()> {
        let pages = stream::unfold(Some(self.store.objects(self.bucket, prefix)), |pages| async {
            let mut pages = pages?;
            match pages.next().await {
                Ok(Some(page)) => Some((Ok(page), Some(pages))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        let keys = pages.flat_map(|page| match page {
            Ok(keys) => stream::iter(keys.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        });
        let read = |key: anyhow::Result<String>| async {
            let key = key?;
            let bytes = self.store.read(self.bucket, &key, None, MAX_EVIDENCE).await;
            anyhow::Ok((key, bytes))
        };
        let mut reads = pin!(keys.map(read).buffer_unordered(MAX_CONCURRENT_READS));
        let mut listing = Ok(());
        while let Some(read) = reads.next().await {
            match read {
                Ok((key, Ok(Some(bytes)))) => take(key, Ok(bytes)),
                // A record that is deleted meanwhile is missing, which its manifest shows.
                Ok((_, Ok(None))) => {}
                Ok((key, Err(error))) => take(key, Err(format!("{error:#}"))),
                Err(error) => listing = Err(error),
            }
        }
        listing
    }
}

/// Reads a version and compares its bytes with its receipt; `progress` receives the number of bytes of each step.
pub(super) async fn compare_content(
    store: &Store,
    pending: &PendingRead,
    reader: &Arc<Reader>,
    progress: impl Fn(u64),
) -> anyhow::Result<ContentStatus> {
    let attributes = ObjectAttributes { size: pending.size, etag: pending.etag.clone(), ..ObjectAttributes::default() };
    let version = &pending.version;
    match hash(&store.s3, version, &attributes, reader, progress).await {
        Ok(sha256) if sha256 == pending.sha256 => Ok(ContentStatus::Same),
        Ok(sha256) => Ok(ContentStatus::Different(sha256)),
        // S3 reports a version as absent also if it must not be read; a second call distinguishes the two.
        Err(ReadError::NotAccessible(_)) if !exists(store, pending).await? => Ok(ContentStatus::Gone),
        Err(ReadError::NotAccessible(fault) | ReadError::Refused { fault, .. } | ReadError::Fault(fault)) => {
            Err(anyhow!("cannot {}: {fault}", action_on("read", &version.bucket, &version.key)))
        }
    }
}

async fn exists(store: &Store, pending: &PendingRead) -> anyhow::Result<bool> {
    let version = &pending.version;
    let head = store.head(&version.bucket, &version.key, Some(&version.version_id)).await?;
    Ok(head.is_some())
}
