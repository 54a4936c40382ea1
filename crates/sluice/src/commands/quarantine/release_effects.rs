//! Performs the steps of a release: one call or one lookup each.

use anyhow::{Context, bail};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ChecksumAlgorithm, MetadataDirective, TaggingDirective};
use ingest::quarantine::reason_key;
use lambda_support::aws::copy_source;
use lambda_support::log::escape;
use sluice_types::OperatorAction;

use super::lookup::{InspectedVersion, Quarantine, VersionSelector};
use super::release_protocol::{ContentDigest, Step, StepResult};
use crate::aws::errors::explain;
use crate::aws::s3::{Store, action_on};
use crate::operator_log::{OperatorLog, Subject};
use crate::quarantined_versions::object_version;

/// User metadata: the version in quarantine that an object was released from. Copies keep it.
const RELEASED_FROM: &str = "sluice-released-from";

pub(super) struct ReleaseEffects<'a> {
    pub(super) quarantine: &'a Quarantine,
    pub(super) key: &'a str,
    pub(super) inspected: &'a InspectedVersion,
    pub(super) log: &'a OperatorLog,
}

impl ReleaseEffects<'_> {
    /// Performs one step. `sha256` is that of the copy, once it is known.
    pub(super) async fn perform(&self, step: &Step, sha256: Option<&str>) -> anyhow::Result<StepResult> {
        let (store, quarantine_bucket) = (&self.quarantine.store, self.quarantine.bucket());
        let (processing_bucket, objects) = (&self.quarantine.ingest.processing_bucket, &self.inspected.objects);
        match step {
            Step::InspectSource => {
                let head = store.head(processing_bucket, self.key, Some(self.inspected.version_id())).await?;
                Ok(StepResult::Source(head.is_some()))
            }
            Step::InspectCopy => {
                Ok(StepResult::Digest(digest_of(store, quarantine_bucket, &objects.copy_key, None).await?))
            }
            Step::FindReleased(digest) => self.find_released(digest).await,
            Step::FindRefusedAgain(digest) => self.find_refused_again(digest).await,
            Step::InspectCurrent => self.inspect_current().await,
            Step::Record(new_version_id) => self.record(new_version_id.as_deref(), sha256).await,
            Step::InspectPlaced(version_id) => {
                Ok(StepResult::Digest(digest_of(store, processing_bucket, self.key, Some(version_id)).await?))
            }
            Step::Copy => self.copy().await,
            Step::FindRefusal(version_id) => {
                let key = reason_key(&object_version("", self.key, version_id));
                let head = store.head(quarantine_bucket, &key, None).await?;
                Ok(StepResult::Refused(head.is_some()))
            }
            Step::DeleteReason => {
                store.delete_all_versions(quarantine_bucket, &objects.reason_key()).await?;
                Ok(StepResult::Deleted)
            }
            Step::DeleteCopy => {
                store.delete_all_versions(quarantine_bucket, &objects.copy_key).await?;
                Ok(StepResult::Deleted)
            }
            Step::Done(_) | Step::Refuse(_) => bail!("the release has ended already"),
        }
    }

    async fn inspect_current(&self) -> anyhow::Result<StepResult> {
        let (store, bucket) = (&self.quarantine.store, &self.quarantine.ingest.processing_bucket);
        let Some(head) = store.head_output(bucket, self.key, None).await? else {
            return Ok(StepResult::Current(None));
        };
        let version_id = head.version_id().map(str::to_owned);
        let digest = digest_of(store, bucket, self.key, version_id.as_deref()).await?;
        Ok(StepResult::Current(digest.map(|digest| (digest, version_id))))
    }

    async fn record(&self, released_as: Option<&str>, copy_sha256: Option<&str>) -> anyhow::Result<StepResult> {
        let mut subject = self.quarantine.record_subject(self.inspected);
        if let Subject::Version { sha256, new_version_id, .. } = &mut subject {
            *sha256 = copy_sha256.map(str::to_owned);
            *new_version_id = released_as.map(str::to_owned);
        }
        self.log.record(OperatorAction::Release, &subject).await?;
        Ok(StepResult::Recorded)
    }

    /// Whether the metadata of an object says that it was released from this version, and its bytes are the same.
    async fn is_released_copy(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        expected: &ContentDigest,
    ) -> anyhow::Result<bool> {
        let store = &self.quarantine.store;
        let head = store.head_output(bucket, key, version_id).await?;
        if head.as_ref().and_then(released_from) != Some(self.inspected.version_id()) {
            return Ok(false);
        }
        let digest = digest_of(store, bucket, key, version_id).await?;
        Ok(digest.as_ref() == Some(expected))
    }

    async fn find_released(&self, digest: &ContentDigest) -> anyhow::Result<StepResult> {
        let bucket = &self.quarantine.ingest.processing_bucket;
        let mut pages = self.quarantine.store.versions(bucket, self.key);
        while let Some(page) = pages.next().await? {
            let is_past_key = page.iter().any(|v| v.version.key.as_str() > self.key);
            let same_size = page
                .iter()
                .filter(|v| v.version.key == self.key && !v.is_delete_marker && v.attributes.size == digest.size);
            for listed in same_size {
                let version_id = listed.version.version_id.as_str();
                if self.is_released_copy(bucket, self.key, Some(version_id), digest).await? {
                    return Ok(StepResult::Found(Some(version_id.to_owned())));
                }
            }
            if is_past_key {
                break;
            }
        }
        Ok(StepResult::Found(None))
    }

    async fn find_refused_again(&self, digest: &ContentDigest) -> anyhow::Result<StepResult> {
        let all_versions = VersionSelector { key: self.key.to_owned(), version: None };
        let bucket = self.quarantine.bucket();
        for other in self.quarantine.find(&all_versions).await? {
            let is_candidate = other.objects.has_copy && other.objects != self.inspected.objects;
            if is_candidate && self.is_released_copy(bucket, &other.objects.copy_key, None, digest).await? {
                return Ok(StepResult::Found(Some(other.version_id().to_owned())));
            }
        }
        Ok(StepResult::Found(None))
    }

    /// Copies the version back with its metadata and the version-id it is released from. If that is too large, or S3
    /// has metadata that it cannot return, the metadata is copied unchanged.
    async fn copy(&self) -> anyhow::Result<StepResult> {
        let (quarantine_bucket, copy_key) = (self.quarantine.bucket(), &self.inspected.objects.copy_key);
        let bucket = &self.quarantine.ingest.processing_bucket;
        let found = self.quarantine.store.head_output(quarantine_bucket, copy_key, None).await?;
        let head = found.context("the copy was deleted while it was released: run this again")?;
        let copy_request = || {
            let request = self.quarantine.store.s3.copy_object().bucket(bucket);
            request
                .key(self.key)
                .copy_source(copy_source(quarantine_bucket, copy_key, None))
                .tagging_directive(TaggingDirective::Replace)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
        };
        let copied = match head.missing_meta() {
            Some(1..) => copy_request().send().await,
            _ => match with_metadata(copy_request(), &head, self.inspected.version_id()).send().await {
                Err(error) if error.code() == Some("MetadataTooLarge") => copy_request().send().await,
                copied => copied,
            },
        };
        let output = copied.map_err(|e| explain(action_on("copy to", bucket, self.key), &e))?;
        let Some(version_id) = output.version_id else {
            bail!("bucket `{}` is not versioned, which this deployment requires: apply again", escape(bucket));
        };
        Ok(StepResult::Copied(version_id))
    }
}

/// Sets all metadata of the original on the copy, and the version-id it is released from.
fn with_metadata(
    request: CopyObjectFluentBuilder,
    head: &HeadObjectOutput,
    released_from: &str,
) -> CopyObjectFluentBuilder {
    let mut metadata = head.metadata().cloned().unwrap_or_default();
    metadata.insert(RELEASED_FROM.to_owned(), released_from.to_owned());
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let expires = head.expires_string().and_then(|e| DateTime::from_str(e, DateTimeFormat::HttpDate).ok());
    request
        .metadata_directive(MetadataDirective::Replace)
        .set_metadata(Some(metadata))
        .set_content_type(owned(head.content_type()))
        .set_cache_control(owned(head.cache_control()))
        .set_content_disposition(owned(head.content_disposition()))
        .set_content_encoding(owned(head.content_encoding()))
        .set_content_language(owned(head.content_language()))
        .set_expires(expires)
}

/// The version-id that an object was released from, according to its own metadata.
pub(super) fn released_from(head: &HeadObjectOutput) -> Option<&str> {
    head.metadata()?.get(RELEASED_FROM).map(String::as_str)
}

/// Size and SHA-256 of an object or of one version of it; `None` if it does not exist.
pub(super) async fn digest_of(
    store: &Store,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> anyhow::Result<Option<ContentDigest>> {
    let Some(attributes) = store.head(bucket, key, version_id).await? else {
        return Ok(None);
    };
    let sha256 = store.sha256(bucket, key, version_id, &attributes).await?;
    Ok(sha256.map(|sha256| ContentDigest { size: attributes.size, sha256 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `MetadataDirective::Replace` drops everything that is not set again.
    #[test]
    fn a_released_object_keeps_its_metadata() {
        let head = HeadObjectOutput::builder()
            .content_type("application/json")
            .content_encoding("gzip")
            .cache_control("no-store")
            .metadata("author", "me")
            .metadata(RELEASED_FROM, "before")
            .expires_string("Fri, 02 Jan 1970 00:00:00 GMT")
            .build();
        let client = Store::new(&crate::aws::session::tests::offline()).s3;
        let request = with_metadata(client.copy_object(), &head, "V");
        assert_eq!(request.get_content_type().as_deref(), Some("application/json"));
        assert_eq!(request.get_content_encoding().as_deref(), Some("gzip"));
        assert_eq!(request.get_cache_control().as_deref(), Some("no-store"));
        assert_eq!(request.get_expires().map(|e| e.secs()), Some(86_400));
        let metadata = request.get_metadata().clone().unwrap();
        assert_eq!(metadata["author"], "me");
        assert_eq!(metadata[RELEASED_FROM], "V");
    }
}
