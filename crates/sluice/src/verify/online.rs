//! The evidence in the receipts bucket, and the bytes of versions.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use aws_config::SdkConfig;
use aws_sdk_kms::primitives::Blob;
use provenance::hash::{Reader, hash};
use provenance::inspect::ReadError;
use sluice_types::ObjectAttributes as Facts;
use sluice_types::keys::LEDGER_PREFIX as LEDGER;
use tokio::task::JoinSet;

use crate::aws::explain;
use crate::store::{Store, place};
use crate::verify::evidence::Found;
use crate::verify::key::PublicKeys;
use crate::verify::versions::{Bytes, Work};

/// Receipts and manifests are fetched this many at a time.
const AT_ONCE: usize = 64;
/// The longest object in the receipts bucket that is read: a manifest of the most that one may list.
const MAX_EVIDENCE: u64 = 256 * 1024 * 1024;

/// The public key of the signing key, from KMS.
///
/// # Errors
/// When KMS does not give it.
pub async fn public_key(config: &SdkConfig, key: &str) -> anyhow::Result<PublicKeys> {
    let request = aws_sdk_kms::Client::new(config).get_public_key().key_id(key);
    let answer = request.send().await;
    let answer = answer.map_err(|e| explain(format!("read the public key of `{key}`"), &e))?;
    let der = answer.public_key().map(Blob::as_ref);
    PublicKeys::of_der(der.unwrap_or_default()).with_context(|| format!("cannot use key `{key}`"))
}

/// The evidence in a bucket.
pub struct Evidence<'a> {
    /// S3.
    pub store: &'a Store,
    /// The bucket of records and manifests.
    pub bucket: &'a str,
}

/// A key, or the beginning of keys, that could not be read, and why.
pub type Unread = (String, String);
/// Bytes by key; none where they could not be read.
pub type Bodies = Vec<(String, Option<Vec<u8>>)>;

impl Evidence<'_> {
    /// The manifests, by key, and what could not be read.
    ///
    /// # Errors
    /// When S3 does not list them.
    pub async fn manifests(&self) -> anyhow::Result<(Bodies, Vec<Unread>)> {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        self.each(LEDGER, |key, bytes| match bytes {
            Ok(bytes) => found.push((key, Some(bytes))),
            Err(reason) => {
                unread.push((key.clone(), reason));
                found.push((key, None));
            }
        })
        .await?;
        Ok((found, unread))
    }

    /// Hands over the records whose keys begin with `prefix`, and those that could not be read with the reason.
    ///
    /// # Errors
    /// When S3 does not list them to the end.
    pub async fn records(
        &self,
        prefix: &str,
        mut take: impl FnMut(String, Result<Found, String>),
    ) -> anyhow::Result<()> {
        self.each(prefix, |key, bytes| {
            let found = bytes.map(|bytes| Found::read(key.clone(), &bytes));
            take(key, found);
        })
        .await
    }

    async fn each(&self, prefix: &str, mut take: impl FnMut(String, Result<Vec<u8>, String>)) -> anyhow::Result<()> {
        let mut pages = self.store.objects(self.bucket, prefix);
        let mut running = JoinSet::new();
        let mut next = |done: Result<_, _>| -> anyhow::Result<()> {
            let (key, bytes): (String, anyhow::Result<Option<Vec<u8>>>) =
                done.context("a task of this program failed")?;
            match bytes {
                Ok(Some(bytes)) => take(key, Ok(bytes)),
                // One that goes away while this looks is missing, which its manifest tells.
                Ok(None) => {}
                Err(error) => take(key, Err(format!("{error:#}"))),
            }
            Ok(())
        };
        let mut end = Ok(());
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) => {
                    end = Err(error);
                    break;
                }
            };
            for key in page {
                if running.len() >= AT_ONCE
                    && let Some(done) = running.join_next().await
                {
                    next(done)?;
                }
                let (store, bucket) = (self.store.clone(), self.bucket.to_owned());
                running.spawn(async move {
                    let bytes = store.read(&bucket, &key, None, MAX_EVIDENCE).await;
                    (key, bytes)
                });
            }
        }
        while let Some(done) = running.join_next().await {
            next(done)?;
        }
        end
    }
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
    let facts = Facts { size: work.size, etag: work.etag.clone(), last_modified: None, checksums: Vec::new() };
    let of = &work.version;
    match hash(&store.s3, of, &facts, reader, progress).await {
        Ok(found) if found == work.sha256 => Ok(Bytes::Same),
        Ok(found) => Ok(Bytes::Other(found)),
        // Absent is also what may not be seen, which the second look says.
        Err(ReadError::NotAccessible(_)) if !there(store, work).await? => Ok(Bytes::Gone),
        Err(ReadError::NotAccessible(fault) | ReadError::Refused { fault, .. } | ReadError::Fault(fault)) => {
            Err(anyhow!("cannot {}: {fault}", place("read", &of.bucket, &of.key)))
        }
    }
}

async fn there(store: &Store, work: &Work) -> anyhow::Result<bool> {
    let of = &work.version;
    let head = store.head(&of.bucket, &of.key, Some(&of.version_id)).await?;
    Ok(head.is_some())
}
