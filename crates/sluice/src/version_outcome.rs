//! The outcome of a version in the processing bucket, found by looking: at its bytes, the table and the quarantine.

mod expected;

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::StorageClass;
use ingest::attribute_value::from_attribute_values;
use ingest::item::{SOURCE_ATTRIBUTE, source_of};
use ingest::quarantine::reason_key;
use ingest::source::Source;
use lambda_support::aws::ErrorClass;
use lambda_support::log::escape;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::aws::{class_of, explain};
use crate::outputs::Ingest;
use crate::report::message;
use crate::store::{Store, Version};
pub use expected::Expected;
use expected::table_key;
use sluice_types::ObjectVersion;
use sluice_types::digest::hex;
use sluice_types::object::MAX_COPY_BYTES as MAX_COPY;

/// Versions that are looked at at the same time.
const MAX_CONCURRENT_READS: usize = 16;
/// The outcome of a version in the processing bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionOutcome {
    /// Its item is in the table.
    Stored,
    /// Another object with the same bytes is the item.
    Duplicate,
    /// Its reason record is in quarantine; its deletion here is still to come.
    Refused,
    /// Above what one copy call can move; it stays.
    TooLarge,
    /// It is there and cannot be read for good, so it stays; why.
    Unreadable(String),
    /// It went away while this looked.
    Gone,
    /// None yet.
    Missing(Expected),
    /// This run could not find out; why.
    Unknown(String),
}

/// What the table has under a key.
enum Lookup {
    Nothing,
    Item(Option<Source>),
    Refused(String),
}

/// Finds the outcomes of versions.
pub struct Auditor {
    /// S3, as the role of the session.
    pub store: Store,
    /// The names of the ingest.
    pub ingest: Ingest,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl Auditor {
    /// An auditor of this deployment.
    #[must_use]
    pub fn new(config: &SdkConfig, ingest: &Ingest) -> Self {
        Self { store: Store::new(config), dynamodb: aws_sdk_dynamodb::Client::new(config), ingest: ingest.clone() }
    }

    /// The outcomes of one page of versions, in its order.
    ///
    /// # Errors
    /// When nothing more can be asked: the credentials have expired, or nothing answers.
    pub async fn outcomes(self: &Arc<Self>, versions: Vec<Version>) -> anyhow::Result<Vec<(Version, VersionOutcome)>> {
        let mut running = JoinSet::new();
        let mut waiting = versions.into_iter().enumerate();
        let mut found = Vec::new();
        loop {
            while running.len() < MAX_CONCURRENT_READS {
                let Some((place, version)) = waiting.next() else {
                    break;
                };
                let auditor = Arc::clone(self);
                running.spawn(async move {
                    let outcome = auditor.outcome(&version).await;
                    (place, version, outcome)
                });
            }
            let Some(done) = running.join_next().await else {
                break;
            };
            let (place, version, outcome) = done?;
            found.push((place, version, known(outcome)?));
        }
        found.sort_by_key(|(place, ..)| *place);
        let found = found.into_iter();
        Ok(found.map(|(_, version, outcome)| (version, outcome)).collect())
    }

    async fn outcome(&self, version: &Version) -> anyhow::Result<VersionOutcome> {
        if version.size > MAX_COPY {
            return Ok(VersionOutcome::TooLarge);
        }
        let own = Source {
            version: ObjectVersion {
                bucket: self.ingest.processing_bucket.clone(),
                key: version.key.clone(),
                version_id: version.version_id.clone(),
            },
            etag: None,
            size: Some(version.size),
            sha256: None,
            sequencer: None,
        };
        let quarantine = &self.ingest.quarantine_bucket;
        let looked = self.look(&own, version.size).await;
        if let Ok(found) = &looked
            && !matches!(found, VersionOutcome::Missing(_) | VersionOutcome::Unreadable(_))
        {
            return looked;
        }
        let reason = self.store.head(quarantine, &reason_key(&own.version), None).await?;
        if reason.is_some() {
            return Ok(VersionOutcome::Refused);
        }
        looked
    }

    /// The outcome by the version itself and the table, without the quarantine.
    async fn look(&self, own: &Source, size: u64) -> anyhow::Result<VersionOutcome> {
        let limit = self.ingest.max_object_bytes;
        if size > limit {
            return self.look_at_large(own, size).await;
        }
        let (bucket, key, version) = (&own.version.bucket, &own.version.key, Some(own.version.version_id.as_str()));
        let bytes = match self.store.read(bucket, key, version, limit).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(VersionOutcome::Gone),
            Err(error) => return self.not_read(own, error).await,
        };
        let own = Source { sha256: Some(hex(&Sha256::digest(&bytes))), ..own.clone() };
        let expected = match table_key(&bytes, &self.ingest.hash_key, self.ingest.range_key()) {
            Err(why) => Expected::Invalid(why),
            Ok(key) => match self.item(key).await? {
                Lookup::Nothing => Expected::Judgement,
                Lookup::Refused(why) => Expected::Invalid(why),
                Lookup::Item(item) => match outcome_in_table(&own, item.as_ref()) {
                    Some(outcome) => return Ok(outcome),
                    None => Expected::Conflict,
                },
            },
        };
        Ok(VersionOutcome::Missing(expected))
    }

    /// What is above the deployment's limit is not read.
    async fn look_at_large(&self, own: &Source, size: u64) -> anyhow::Result<VersionOutcome> {
        let version = Some(own.version.version_id.as_str());
        let head = self.store.head_all(&own.version.bucket, &own.version.key, version).await;
        Ok(match head {
            Ok(None) => VersionOutcome::Gone,
            Ok(Some(head)) if archived(&head) => VersionOutcome::Unreadable(ARCHIVED.to_owned()),
            Ok(Some(_)) => {
                let limit = self.ingest.max_object_bytes;
                let why = format!("{size} bytes; an object may have at most {limit}");
                VersionOutcome::Missing(Expected::Invalid(why))
            }
            Err(error) => return self.not_read(own, error).await,
        })
    }

    /// Whether a version that could not be read cannot be read for good.
    async fn not_read(&self, own: &Source, error: anyhow::Error) -> anyhow::Result<VersionOutcome> {
        match class_of(&error) {
            Some(ErrorClass::Unreadable) => Ok(VersionOutcome::Unreadable(one_line(&error))),
            // S3 answers a head of what is encrypted with a key of its uploader by 400, and to nothing else.
            Some(ErrorClass::Invalid) => {
                let request = self.store.s3.head_object().bucket(&own.version.bucket);
                let request = request.key(&own.version.key).version_id(&own.version.version_id);
                match request.send().await {
                    Err(head) if crate::aws::status(&head) == Some(400) => {
                        Ok(VersionOutcome::Unreadable(CUSTOMER_KEY.to_owned()))
                    }
                    _ => Err(error),
                }
            }
            _ => Err(error),
        }
    }

    /// What the table has under this key.
    async fn item(&self, key: Vec<(String, String)>) -> anyhow::Result<Lookup> {
        let request = self.dynamodb.get_item().table_name(&self.ingest.table);
        let mut request = request
            .consistent_read(true)
            .projection_expression("#s, #h")
            .expression_attribute_names("#s", SOURCE_ATTRIBUTE)
            .expression_attribute_names("#h", &self.ingest.hash_key);
        for (name, value) in key {
            request = request.key(name, AttributeValue::S(value));
        }
        match request.send().await {
            Ok(found) => {
                Ok(found.item().map_or(Lookup::Nothing, |item| Lookup::Item(source_of(&from_attribute_values(item)))))
            }
            Err(error) => {
                let what = format!("read table `{}`", escape(&self.ingest.table));
                let error = explain(what, &error);
                match class_of(&error) {
                    Some(ErrorClass::Invalid) => Ok(Lookup::Refused(one_line(&error))),
                    _ => Err(error),
                }
            }
        }
    }
}

const ARCHIVED: &str = "the object is archived, so it cannot be read until it is restored";
const CUSTOMER_KEY: &str = "the object is encrypted with a key of its uploader (SSE-C)";

fn archived(head: &HeadObjectOutput) -> bool {
    let class = head.storage_class();
    let archive = matches!(class, Some(StorageClass::Glacier | StorageClass::DeepArchive));
    (archive && head.restore().is_none()) || head.archive_status().is_some()
}

/// An error that concerns one version is its outcome; one that concerns all is passed on.
fn known(outcome: anyhow::Result<VersionOutcome>) -> anyhow::Result<VersionOutcome> {
    match outcome {
        Err(error) if matches!(class_of(&error), Some(ErrorClass::Credentials | ErrorClass::Unreachable)) => Err(error),
        Err(error) => Ok(VersionOutcome::Unknown(one_line(&error))),
        Ok(outcome) => Ok(outcome),
    }
}

/// An error on one line, for a row.
pub fn one_line(error: &anyhow::Error) -> String {
    message(error).replace('\n', ": ")
}

/// What the item under its key says of a version.
fn outcome_in_table(own: &Source, item: Option<&Source>) -> Option<VersionOutcome> {
    let item = item?;
    if item.version == own.version {
        return Some(VersionOutcome::Stored);
    }
    let same_bytes = item.sha256.is_some() && item.sha256 == own.sha256;
    same_bytes.then_some(VersionOutcome::Duplicate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn source(key: &str, sha256: &str) -> Source {
        Source {
            version: ObjectVersion { bucket: "in".into(), key: key.into(), version_id: "v".into() },
            etag: None,
            size: None,
            sha256: Some(sha256.into()),
            sequencer: None,
        }
    }

    #[test]
    fn the_table_tells_two_outcomes() {
        let own = source("a", "7");
        let of = |item: Option<&Source>| outcome_in_table(&own, item);
        assert_eq!(of(Some(&source("a", "7"))), Some(VersionOutcome::Stored));
        assert_eq!(of(Some(&source("b", "7"))), Some(VersionOutcome::Duplicate));
        assert_eq!(of(Some(&source("b", "8"))), None);
        assert_eq!(of(None), None);
    }

    #[test]
    fn one_version_that_cannot_be_read_stops_nothing() {
        let outcome = known(Err(anyhow!("cannot read it\nAccessDenied: no"))).unwrap();
        let VersionOutcome::Unknown(why) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(why, "cannot read it: AccessDenied: no");
    }
}
