//! Finds versions that the ingest refused: their bytes are in quarantine.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Context;
use futures::{StreamExt, stream};
use ingest::quarantine::copy_key;
use provenance::hash::Reader;
use sluice_types::{Receipt, ReceiptState};

use super::bucket_evidence;
use super::versions::{ContentStatus, PendingRead};
use crate::aws::s3::Store;
use crate::outputs::Ingest;

/// The copies in quarantine of some versions, by receipt key.
#[derive(Default)]
pub(super) struct QuarantineCopies<'a> {
    /// Receipts whose copy has the same bytes; for receipts without a hash, the same size.
    pub(super) moved: HashSet<&'a str>,
    /// Receipts whose copy could not be read, with the cause.
    pub(super) unread: Vec<(&'a str, String)>,
}

/// Looks in quarantine for the versions of receipts; `jobs` copies are read concurrently.
pub(super) async fn find<'a>(
    receipts: &[(&'a str, &'a Receipt)],
    store: &Store,
    ingest: &Ingest,
    jobs: u16,
) -> anyhow::Result<QuarantineCopies<'a>> {
    let reader = Reader::new();
    // One task for each copy, because hashing keeps a processor busy.
    let look_up = |(key, receipt): &(&'a str, &'a Receipt)| {
        let (store, reader, bucket) = (store.clone(), Arc::clone(&reader), ingest.quarantine_bucket.clone());
        let (receipt_key, receipt) = ((*key).to_owned(), Receipt::clone(receipt));
        let task = tokio::spawn(async move { is_moved(&store, bucket, receipt_key, &receipt, &reader).await });
        let key = *key;
        async move { (key, task.await) }
    };
    let of_ingest = receipts.iter().filter(|(_, receipt)| receipt.bucket == ingest.processing_bucket);
    let mut lookups = stream::iter(of_ingest).map(look_up).buffer_unordered(usize::from(jobs));
    let mut copies = QuarantineCopies::default();
    while let Some((key, finished)) = lookups.next().await {
        match finished.context("an internal task failed")? {
            Ok(true) => _ = copies.moved.insert(key),
            Ok(false) => {}
            Err(error) => copies.unread.push((key, format!("{error:#}"))),
        }
    }
    Ok(copies)
}

async fn is_moved(
    store: &Store,
    bucket: String,
    receipt_key: String,
    receipt: &Receipt,
    reader: &Arc<Reader>,
) -> anyhow::Result<bool> {
    let Some(copy) = find_copy(store, bucket, receipt_key, receipt).await? else {
        return Ok(false);
    };
    if receipt.state == ReceiptState::Gone {
        return Ok(receipt.size.is_none_or(|size| size == copy.size));
    }
    let status = bucket_evidence::compare_content(store, &copy, reader, |_| ()).await?;
    Ok(status == ContentStatus::Same)
}

/// The copy of a version in quarantine, if it exists.
async fn find_copy(
    store: &Store,
    bucket: String,
    receipt_key: String,
    receipt: &Receipt,
) -> anyhow::Result<Option<PendingRead>> {
    let key = copy_key(&receipt.version());
    let mut pages = store.versions(&bucket, &key);
    while let Some(page) = pages.next().await? {
        if let Some(listed) = page.into_iter().find(|v| v.version.key == key && !v.is_delete_marker) {
            return Ok(Some(PendingRead {
                version: listed.version,
                receipt_key,
                receipt_sha256: String::new(),
                sha256: receipt.sha256.clone().unwrap_or_default(),
                size: listed.attributes.size,
                etag: listed.attributes.etag,
            }));
        }
    }
    Ok(None)
}
