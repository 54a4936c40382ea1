//! Versions that the ingest refused: their bytes are in quarantine, where they are as good as in their place.

use std::collections::HashSet;

use anyhow::Context;
use ingest::record::Source;
use provenance::hash::Reader;
use provenance::receipt::Receipt;
use provenance::version::Version;
use tokio::task::JoinSet;

use crate::outputs::Ingest;
use crate::store::Store;
use crate::verify::online::{self, Bytes};
use crate::verify::versions::Work;

/// The receipts, by key, of those versions of the ingest's bucket whose copy in quarantine has the bytes they had.
///
/// # Errors
/// When the quarantine cannot be read.
pub async fn among<'a>(
    missing: &[(&'a str, &'a Receipt)],
    store: &Store,
    ingest: &Ingest,
    jobs: u16,
) -> anyhow::Result<HashSet<&'a str>> {
    let mut waiting = missing
        .iter()
        .enumerate()
        .filter(|(_, (_, receipt))| receipt.bucket == ingest.processing_bucket);
    let (mut moved, mut running) = (HashSet::new(), JoinSet::new());
    let reader = Reader::new();
    loop {
        while running.len() < usize::from(jobs) {
            let Some((place, (key, receipt))) = waiting.next() else {
                break;
            };
            let (store, reader, bucket) = (
                store.clone(),
                reader.clone(),
                ingest.quarantine_bucket.clone(),
            );
            let (evidence, receipt) = ((*key).to_owned(), Receipt::clone(receipt));
            running.spawn(async move {
                let copy = copy(&store, bucket, evidence, &receipt).await?;
                let Some(work) = copy else {
                    return Ok(None);
                };
                let bytes = online::compare(&store, &work, &reader, |_| ()).await?;
                anyhow::Ok((bytes == Bytes::Same).then_some(place))
            });
        }
        let Some(done) = running.join_next().await else {
            return Ok(moved);
        };
        let same = done.context("a task of this program failed")??;
        moved.extend(same.map(|place| missing[place].0));
    }
}

/// The copy of a version in quarantine, if there is one.
async fn copy(
    store: &Store,
    bucket: String,
    evidence: String,
    receipt: &Receipt,
) -> anyhow::Result<Option<Work>> {
    let source = Source {
        bucket: receipt.bucket.clone(),
        key: receipt.key.clone(),
        version_id: receipt.version_id.clone(),
        etag: None,
        size: None,
        sha256: None,
        sequencer: None,
    };
    let key = source.copy_key();
    let mut pages = store.versions(&bucket, &key);
    while let Some(page) = pages.next().await? {
        let found = page.into_iter().find(|v| v.key == key && !v.marker);
        if let Some(found) = found {
            return Ok(Some(Work {
                version: Version {
                    bucket,
                    key,
                    version_id: found.version_id,
                },
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
