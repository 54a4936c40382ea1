//! Determines the outcome of a version in the processing bucket from its bytes, the table and the quarantine.

mod expected;
pub(crate) mod report;

use std::sync::Arc;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::StorageClass;
use futures::{StreamExt, TryStreamExt, stream};
use ingest::attribute_value::from_attribute_values;
use ingest::item::{SOURCE_ATTRIBUTE, source_of};
use ingest::quarantine::reason_key;
use ingest::source::Source;
use lambda_support::aws::ErrorClass;
use lambda_support::log::escape;
use sluice_types::digest::sha256;
use sluice_types::object::MAX_COPY_BYTES;
use sluice_types::{ListedVersion, ObjectVersion};

use crate::aws::errors::{class_of, explain, status};
use crate::aws::s3::Store;
use crate::outputs::Ingest;
use crate::report::one_line;
pub(crate) use expected::Expected;
use expected::table_key;

/// Versions that are audited concurrently.
const MAX_CONCURRENT_READS: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VersionOutcome {
    /// Its item is in the table.
    Stored,
    /// The item was stored from another object with the same bytes.
    Duplicate,
    /// Its reason record is in quarantine; the function has not deleted the version from the processing bucket yet.
    Refused,
    /// It is larger than one copy call can move, so it stays.
    TooLarge,
    /// It is permanently unreadable, so it stays; the cause.
    Unreadable(String),
    /// It was deleted during the audit.
    Gone,
    /// It has no outcome yet; the outcome that the function will give it.
    Missing(Expected),
    /// This run could not determine it; the cause.
    Unknown(String),
}

/// What the table has under a key.
enum TableLookup {
    NoItem,
    /// The item's source, if the item has one.
    Item(Option<Source>),
    /// DynamoDB rejects the key; the cause.
    InvalidKey(String),
}

/// Determines the outcomes of versions.
pub(crate) struct Auditor {
    pub(crate) store: Store,
    pub(crate) ingest: Ingest,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl Auditor {
    pub(crate) fn new(config: &SdkConfig, ingest: &Ingest) -> Self {
        Self { store: Store::new(config), dynamodb: aws_sdk_dynamodb::Client::new(config), ingest: ingest.clone() }
    }

    /// Determines the outcomes of versions, in their order.
    ///
    /// # Errors
    /// If no further call can succeed: the credentials have expired, or AWS cannot be reached.
    pub(crate) async fn outcomes(
        self: &Arc<Self>,
        versions: Vec<ListedVersion>,
    ) -> anyhow::Result<Vec<(ListedVersion, VersionOutcome)>> {
        // One task for each version, because hashing keeps a processor busy.
        let audit = |listed: ListedVersion| {
            let auditor = Arc::clone(self);
            let task = tokio::spawn(async move {
                let outcome = auditor.outcome(&listed).await;
                (listed, outcome)
            });
            async move {
                let (listed, outcome) = task.await.context("an internal task failed")?;
                anyhow::Ok((listed, isolate_error(outcome)?))
            }
        };
        stream::iter(versions).map(audit).buffered(MAX_CONCURRENT_READS).try_collect().await
    }

    async fn outcome(&self, listed: &ListedVersion) -> anyhow::Result<VersionOutcome> {
        if listed.attributes.size > MAX_COPY_BYTES {
            return Ok(VersionOutcome::TooLarge);
        }
        let version = &listed.version;
        let outcome = self.outcome_outside_quarantine(version, listed.attributes.size).await;
        if let Ok(known) = &outcome
            && !matches!(known, VersionOutcome::Missing(_) | VersionOutcome::Unreadable(_))
        {
            return outcome;
        }
        let reason = self.store.head(&self.ingest.quarantine_bucket, &reason_key(version), None).await?;
        if reason.is_some() {
            return Ok(VersionOutcome::Refused);
        }
        outcome
    }

    /// The outcome according to the version itself and the table.
    async fn outcome_outside_quarantine(&self, version: &ObjectVersion, size: u64) -> anyhow::Result<VersionOutcome> {
        let limit = self.ingest.max_object_bytes;
        if size > limit {
            return self.outcome_above_limit(version, size).await;
        }
        let version_id = Some(version.version_id.as_str());
        let bytes = match self.store.read(&version.bucket, &version.key, version_id, limit).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(VersionOutcome::Gone),
            Err(error) => return self.outcome_of_read_error(version, error).await,
        };
        let expected = match table_key(&bytes, &self.ingest.hash_key, self.ingest.range_key()) {
            Err(why) => Expected::Invalid(why),
            Ok(key) => match self.look_up_item(key).await? {
                TableLookup::NoItem => Expected::Validation,
                TableLookup::InvalidKey(why) => Expected::Invalid(why),
                TableLookup::Item(item_source) => {
                    match outcome_in_table(version, &sha256(&bytes), item_source.as_ref()) {
                        Some(outcome) => return Ok(outcome),
                        None => Expected::Conflict,
                    }
                }
            },
        };
        Ok(VersionOutcome::Missing(expected))
    }

    /// A version above the deployment's limit is not read.
    async fn outcome_above_limit(&self, version: &ObjectVersion, size: u64) -> anyhow::Result<VersionOutcome> {
        let version_id = Some(version.version_id.as_str());
        Ok(match self.store.head_output(&version.bucket, &version.key, version_id).await {
            Ok(None) => VersionOutcome::Gone,
            Ok(Some(head)) if is_archived(&head) => VersionOutcome::Unreadable(ARCHIVED.to_owned()),
            Ok(Some(_)) => {
                let limit = self.ingest.max_object_bytes;
                let why = format!("{size} bytes; an object may have at most {limit}");
                VersionOutcome::Missing(Expected::Invalid(why))
            }
            Err(error) => return self.outcome_of_read_error(version, error).await,
        })
    }

    /// [`VersionOutcome::Unreadable`] if the version is permanently unreadable, otherwise the error.
    async fn outcome_of_read_error(
        &self,
        version: &ObjectVersion,
        error: anyhow::Error,
    ) -> anyhow::Result<VersionOutcome> {
        match class_of(&error) {
            Some(ErrorClass::Unreadable) => Ok(VersionOutcome::Unreadable(one_line(&error))),
            // S3 answers HeadObject with 400 only for objects that are encrypted with a customer-provided key.
            Some(ErrorClass::Invalid) => {
                let request = self
                    .store
                    .s3
                    .head_object()
                    .bucket(&version.bucket)
                    .key(&version.key)
                    .version_id(&version.version_id);
                match request.send().await {
                    Err(head_error) if status(&head_error) == Some(400) => {
                        Ok(VersionOutcome::Unreadable(CUSTOMER_KEY.to_owned()))
                    }
                    _ => Err(error),
                }
            }
            _ => Err(error),
        }
    }

    async fn look_up_item(&self, key: Vec<(String, String)>) -> anyhow::Result<TableLookup> {
        let request = self
            .dynamodb
            .get_item()
            .table_name(&self.ingest.table)
            .consistent_read(true)
            .projection_expression("#s, #h")
            .expression_attribute_names("#s", SOURCE_ATTRIBUTE)
            .expression_attribute_names("#h", &self.ingest.hash_key);
        let request = key.into_iter().fold(request, |r, (name, value)| r.key(name, AttributeValue::S(value)));
        match request.send().await {
            Ok(output) => {
                let item = output.item();
                Ok(item.map_or(TableLookup::NoItem, |item| TableLookup::Item(source_of(&from_attribute_values(item)))))
            }
            Err(error) => {
                let error = explain(format!("read table `{}`", escape(&self.ingest.table)), &error);
                match class_of(&error) {
                    Some(ErrorClass::Invalid) => Ok(TableLookup::InvalidKey(one_line(&error))),
                    _ => Err(error),
                }
            }
        }
    }
}

const ARCHIVED: &str = "the object is archived: it cannot be read until it is restored";
const CUSTOMER_KEY: &str = "the object is encrypted with a customer-provided key (SSE-C)";

fn is_archived(head: &HeadObjectOutput) -> bool {
    let in_archive_class = matches!(head.storage_class(), Some(StorageClass::Glacier | StorageClass::DeepArchive));
    (in_archive_class && head.restore().is_none()) || head.archive_status().is_some()
}

/// Turns an error about one version into its outcome; an error that would affect every version stays an error.
fn isolate_error(outcome: anyhow::Result<VersionOutcome>) -> anyhow::Result<VersionOutcome> {
    match outcome {
        Err(error) if matches!(class_of(&error), Some(ErrorClass::Credentials | ErrorClass::Unreachable)) => Err(error),
        Err(error) => Ok(VersionOutcome::Unknown(one_line(&error))),
        Ok(outcome) => Ok(outcome),
    }
}

/// The outcome of a version with this SHA-256 according to the source of the item under its table key.
fn outcome_in_table(version: &ObjectVersion, sha256: &str, item_source: Option<&Source>) -> Option<VersionOutcome> {
    let item_source = item_source?;
    if item_source.version == *version {
        return Some(VersionOutcome::Stored);
    }
    (item_source.sha256.as_deref() == Some(sha256)).then_some(VersionOutcome::Duplicate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantined_versions::testing;
    use anyhow::anyhow;

    fn source(key: &str, sha256: &str) -> Source {
        Source { sha256: Some(sha256.into()), ..testing::source("in", key, "v") }
    }

    #[test]
    fn the_item_source_decides_between_stored_and_duplicate() {
        let version = source("a", "7").version;
        let of = |item: Option<&Source>| outcome_in_table(&version, "7", item);
        assert_eq!(of(Some(&source("a", "7"))), Some(VersionOutcome::Stored));
        assert_eq!(of(Some(&source("b", "7"))), Some(VersionOutcome::Duplicate));
        assert_eq!(of(Some(&source("b", "8"))), None);
        assert_eq!(of(None), None);
    }

    #[test]
    fn an_error_about_one_version_is_its_outcome() {
        let outcome = isolate_error(Err(anyhow!("cannot read it\nAccessDenied: no"))).unwrap();
        let VersionOutcome::Unknown(why) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(why, "cannot read it: AccessDenied: no");
    }
}
