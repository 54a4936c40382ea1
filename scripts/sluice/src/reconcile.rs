//! `reconcile`: the processing bucket against the table and the quarantine. Every version has an end, is young, or is
//! named here.

use std::sync::Arc;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use ingest::convert::plain;
use ingest::json;
use ingest::judge::{SOURCE, source_of};
use ingest::record::Source;
use kit::log::escape;
use kit::names::hex;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::aws::{Role, explain, session};
use crate::cli::Shared;
use crate::outputs::{Ingest, System};
use crate::range::Range;
use crate::report::{Ended, Report};
use crate::store::{Store, Version};
use crate::time::{now, rfc3339};

/// Versions that are looked at at the same time.
const AT_ONCE: usize = 16;

/// Finds versions in the processing bucket that have no end: neither in the table nor in quarantine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice reconcile
  sluice reconcile --since 24h --format json

Reads every version of the range. What it finds, `sluice backfill --missing --yes` announces again.
Exit code: 0 every version has its end or is young, 1 some have none.")]
pub struct Reconcile {
    #[command(flatten)]
    range: Range,
    /// Versions younger than this many seconds may still be on their way
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    grace: i64,
}

/// How a version in the processing bucket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Its item is in the table.
    Stored,
    /// Another object with the same bytes is the item.
    Duplicate,
    /// Its reason is in quarantine; its deletion here is still to come.
    Refused,
    /// Above what one copy call can move; people were told.
    TooLarge,
    /// It went away while this looked.
    Gone,
    /// None.
    None,
}

/// Runs the command.
///
/// # Errors
/// When bucket, table or quarantine cannot be read.
pub async fn run(shared: &Shared, args: &Reconcile, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Operator)).await?;
    let auditor = Arc::new(Auditor::new(&config, outputs.ingest()?));
    let (bounds, mut pages) = (
        args.range.bounds(),
        args.range.listing(&auditor.store, &auditor.ingest),
    );
    let young_from = now().saturating_sub(args.grace);
    let mut counts = Counts::default();
    report.progress("looking", None);
    while let Some(page) = pages.next().await? {
        let chosen: Vec<Version> = page.into_iter().filter(|v| bounds.hold(v)).collect();
        for (version, end) in auditor.judge_all(chosen).await? {
            report.tick();
            counts.add(end, version.modified > young_from);
            if end == End::None && version.modified <= young_from {
                tell(&version, report);
            }
        }
    }
    report.line(counts.text(), &counts.json());
    Ok(Ended::when(counts.without == 0))
}

fn tell(version: &Version, report: &Report) {
    let modified = rfc3339(version.modified);
    report.line(
        format_args!("no end: {}  {}  {modified}  {} bytes", escape(&version.key), version.version_id, version.size),
        &serde_json::json!({"key": version.key, "version_id": version.version_id, "modified": modified, "size": version.size, "end": null}),
    );
}

#[derive(Default)]
struct Counts {
    stored: u64,
    duplicate: u64,
    refused: u64,
    too_large: u64,
    young: u64,
    without: u64,
}

impl Counts {
    fn add(&mut self, end: End, young: bool) {
        match end {
            End::Stored => self.stored += 1,
            End::Duplicate => self.duplicate += 1,
            End::Refused => self.refused += 1,
            End::TooLarge => self.too_large += 1,
            End::Gone => {}
            End::None if young => self.young += 1,
            End::None => self.without += 1,
        }
    }

    fn text(&self) -> String {
        let mend = if self.without > 0 {
            "; `sluice backfill --missing --yes` announces them again"
        } else {
            ""
        };
        format!(
            "{} stored, {} duplicate, {} refused, {} too large, {} young, {} without an end{mend}",
            self.stored, self.duplicate, self.refused, self.too_large, self.young, self.without
        )
    }

    fn json(&self) -> Value {
        serde_json::json!({
            "stored": self.stored, "duplicate": self.duplicate, "refused": self.refused,
            "too_large": self.too_large, "young": self.young, "without_end": self.without,
        })
    }
}

/// Looks for the ends of versions.
pub struct Auditor {
    store: Store,
    dynamodb: aws_sdk_dynamodb::Client,
    ingest: Ingest,
}

/// The most that one copy can move to quarantine, in bytes.
const MAX_COPY: u64 = 5 * 1024 * 1024 * 1024;

impl Auditor {
    /// An auditor of this deployment.
    #[must_use]
    pub fn new(config: &SdkConfig, ingest: &Ingest) -> Self {
        Self {
            store: Store::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            ingest: ingest.clone(),
        }
    }

    /// The ends of one page of versions, in its order.
    ///
    /// # Errors
    /// When one cannot be told.
    pub async fn judge_all(
        self: &Arc<Self>,
        versions: Vec<Version>,
    ) -> anyhow::Result<Vec<(Version, End)>> {
        let mut running = JoinSet::new();
        let mut waiting = versions.into_iter().enumerate();
        let mut judged = Vec::new();
        loop {
            while running.len() < AT_ONCE {
                let Some((place, version)) = waiting.next() else {
                    break;
                };
                let auditor = Arc::clone(self);
                running.spawn(async move {
                    let end = auditor.judge(&version).await;
                    end.map(|end| (place, version, end))
                });
            }
            let Some(done) = running.join_next().await else {
                break;
            };
            judged.push(done.context("a task of this program failed")??);
        }
        judged.sort_by_key(|(place, ..)| *place);
        Ok(judged
            .into_iter()
            .map(|(_, version, end)| (version, end))
            .collect())
    }

    async fn judge(&self, version: &Version) -> anyhow::Result<End> {
        if version.size > MAX_COPY {
            return Ok(End::TooLarge);
        }
        let bucket = &self.ingest.processing_bucket;
        let own = Source {
            bucket: bucket.clone(),
            key: version.key.clone(),
            version_id: version.version_id.clone(),
            etag: None,
            size: Some(version.size),
            sha256: None,
            sequencer: None,
        };
        if version.size <= self.ingest.max_object_bytes {
            let limit = self.ingest.max_object_bytes;
            let Some(bytes) = self
                .store
                .read(bucket, &version.key, Some(&version.version_id), limit)
                .await?
            else {
                return Ok(End::Gone);
            };
            let own = Source {
                sha256: Some(hex(&Sha256::digest(&bytes))),
                ..own.clone()
            };
            let item = match table_key(&bytes, &self.ingest.hash_key, self.ingest.range_key()) {
                Some(key) => self.item_source(key).await?,
                None => None,
            };
            if let Some(end) = end_in_table(&own, item.as_ref()) {
                return Ok(end);
            }
        }
        let reason = self
            .store
            .head(&self.ingest.quarantine_bucket, &own.reason_key(), None)
            .await?;
        Ok(if reason.is_some() {
            End::Refused
        } else {
            End::None
        })
    }

    /// The object whose item is under this key.
    async fn item_source(&self, key: Vec<(String, String)>) -> anyhow::Result<Option<Source>> {
        let mut request = self
            .dynamodb
            .get_item()
            .table_name(&self.ingest.table)
            .consistent_read(true);
        request = request
            .projection_expression("#s")
            .expression_attribute_names("#s", SOURCE);
        for (name, value) in key {
            request = request.key(name, AttributeValue::S(value));
        }
        let found = request.send().await;
        let found =
            found.map_err(|e| explain(format!("read table `{}`", self.ingest.table), &e))?;
        Ok(found.item().and_then(|item| source_of(&plain(item))))
    }
}

/// The item's key in an object, if it is DynamoDB JSON with one.
fn table_key(bytes: &[u8], hash: &str, range: Option<&str>) -> Option<Vec<(String, String)>> {
    let item: Map<String, Value> = json::parse(bytes).ok()?;
    let text = |name: &str| {
        item.get(name)?
            .get("S")?
            .as_str()
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    let names = [Some(hash), range].into_iter().flatten();
    names
        .map(|name| Some((name.to_owned(), text(name)?)))
        .collect()
}

/// What the item under its key says of a version.
fn end_in_table(own: &Source, item: Option<&Source>) -> Option<End> {
    let item = item?;
    if item.same_version(own) {
        return Some(End::Stored);
    }
    (item.sha256.is_some() && item.sha256 == own.sha256).then_some(End::Duplicate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(key: &str, sha256: &str) -> Source {
        Source {
            bucket: "in".into(),
            key: key.into(),
            version_id: "v".into(),
            etag: None,
            size: None,
            sha256: Some(sha256.into()),
            sequencer: None,
        }
    }

    #[test]
    fn the_table_tells_two_ends() {
        let own = source("a", "7");
        assert_eq!(
            end_in_table(&own, Some(&source("a", "7"))),
            Some(End::Stored)
        );
        assert_eq!(
            end_in_table(&own, Some(&source("b", "7"))),
            Some(End::Duplicate)
        );
        assert_eq!(end_in_table(&own, Some(&source("b", "8"))), None);
        assert_eq!(end_in_table(&own, None), None);
    }

    #[test]
    fn an_object_has_a_table_key_or_not() {
        let bytes = br#"{"ArtistID": {"S": "a"}, "ItemID": {"S": "i"}}"#;
        let key = table_key(bytes, "ArtistID", Some("ItemID")).unwrap();
        assert_eq!(
            key,
            [
                ("ArtistID".into(), "a".into()),
                ("ItemID".into(), "i".into())
            ]
        );
        assert_eq!(table_key(bytes, "ArtistID", None).unwrap().len(), 1);
        for bad in [
            &b"{"[..],
            b"[]",
            br#"{"ArtistID": {"N": "1"}}"#,
            br#"{"ArtistID": {"S": ""}}"#,
        ] {
            assert_eq!(table_key(bad, "ArtistID", None), None);
        }
    }

    #[test]
    fn only_old_versions_without_an_end_count() {
        let mut counts = Counts::default();
        counts.add(End::None, true);
        assert_eq!((counts.young, counts.without), (1, 0));
        counts.add(End::None, false);
        assert!(counts.without == 1 && counts.text().contains("backfill --missing"));
    }
}
