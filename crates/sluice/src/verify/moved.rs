//! Versions that the ingest refused: their bytes are in quarantine, where they are as good as in their place.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Context;
use ingest::quarantine::copy_key;
use provenance::hash::Reader;
use sluice_types::{ObjectVersion as Version, Receipt, ReceiptState as State};
use tokio::task::JoinSet;

use crate::outputs::Ingest;
use crate::store::Store;
use crate::verify::online;
use crate::verify::versions::{Bytes, Work};

/// What quarantine has of some versions.
#[derive(Default)]
pub struct Copies<'a> {
    /// The receipts, by key, of those whose copy has the bytes they had; or at least the size, where the receipt has no
    /// hash because they were gone.
    pub moved: HashSet<&'a str>,
    /// Those whose copy could not be read, and why.
    pub unread: Vec<(&'a str, String)>,
}

/// Looks in quarantine for versions of the ingest's bucket, by receipt.
///
/// # Errors
/// When a task of this program fails.
pub async fn among<'a>(
    missing: &[(&'a str, &'a Receipt)],
    store: &Store,
    ingest: &Ingest,
    jobs: u16,
) -> anyhow::Result<Copies<'a>> {
    let mut waiting = missing.iter().enumerate().filter(|(_, (_, receipt))| receipt.bucket == ingest.processing_bucket);
    let (mut copies, mut running) = (Copies::default(), JoinSet::new());
    let reader = Reader::new();
    loop {
        while running.len() < usize::from(jobs) {
            let Some((place, (key, receipt))) = waiting.next() else {
                break;
            };
            let (store, reader, bucket) = (store.clone(), reader.clone(), ingest.quarantine_bucket.clone());
            let (evidence, receipt) = ((*key).to_owned(), Receipt::clone(receipt));
            running.spawn(async move {
                let moved = is_moved(&store, bucket, evidence, &receipt, &reader).await;
                (place, moved)
            });
        }
        let Some(done) = running.join_next().await else {
            return Ok(copies);
        };
        let (place, moved) = done.context("a task of this program failed")?;
        let key = missing[place].0;
        match moved {
            Ok(true) => _ = copies.moved.insert(key),
            Ok(false) => {}
            Err(error) => copies.unread.push((key, format!("{error:#}"))),
        }
    }
}

async fn is_moved(
    store: &Store,
    bucket: String,
    evidence: String,
    receipt: &Receipt,
    reader: &Arc<Reader>,
) -> anyhow::Result<bool> {
    let Some(work) = copy(store, bucket, evidence, receipt).await? else {
        return Ok(false);
    };
    if receipt.state == State::Gone {
        return Ok(receipt.size.is_none_or(|size| size == work.size));
    }
    let bytes = online::compare(store, &work, reader, |_| ()).await?;
    Ok(bytes == Bytes::Same)
}

/// The copy of a version in quarantine, if there is one.
async fn copy(store: &Store, bucket: String, evidence: String, receipt: &Receipt) -> anyhow::Result<Option<Work>> {
    let version =
        Version { bucket: receipt.bucket.clone(), key: receipt.key.clone(), version_id: receipt.version_id.clone() };
    let key = copy_key(&version);
    let mut pages = store.versions(&bucket, &key);
    while let Some(page) = pages.next().await? {
        let found = page.into_iter().find(|v| v.key == key && !v.marker);
        if let Some(found) = found {
            return Ok(Some(Work {
                version: Version { bucket, key, version_id: found.version_id },
                evidence,
                evidence_sha256: String::new(),
                sha256: receipt.sha256.clone().unwrap_or_default(),
                size: found.size,
                etag: found.etag,
            }));
        }
    }
    Ok(None)
}
