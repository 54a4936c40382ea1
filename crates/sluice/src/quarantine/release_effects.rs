//! The effects of a release: one call or one look each.

use anyhow::{Context, bail};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ChecksumAlgorithm, MetadataDirective, TaggingDirective};
use ingest::quarantine::reason_key;
use lambda_support::aws::copy_source;
use lambda_support::log::escape;

use super::release_steps::{Outcome, Step, Sum};
use super::stems::source;
use super::{Found, Ward, Which};
use crate::aws::explain;
use crate::operator_record::{Action, OperatorLog, Subject};
use crate::store::{Facts, Store, place};

/// The user metadata that says which version in quarantine an object was released from. Copies keep it.
const RELEASED_FROM: &str = "sluice-released-from";

/// The effects of a release: one call or one look each.
pub(super) struct Move<'a> {
    pub ward: &'a Ward,
    pub key: &'a str,
    pub found: &'a Found,
    pub log: &'a OperatorLog,
}

impl Move<'_> {
    /// Makes the call, or looks. `sha256` is that of the copy, once it is known.
    pub async fn perform(&self, step: &Step, sha256: Option<&str>) -> anyhow::Result<Outcome> {
        let (store, quarantine) = (&self.ward.store, self.ward.bucket());
        let (processing, stem) = (&self.ward.ingest.processing_bucket, &self.found.stem);
        match step {
            Step::InspectSource => {
                let version = Some(self.found.version_id());
                let head = store.head(processing, self.key, version).await?;
                Ok(Outcome::Source(head.is_some()))
            }
            Step::InspectCopy => {
                let sum = sum(store, quarantine, &stem.copy_key, None);
                Ok(Outcome::Sum(sum.await?))
            }
            Step::FindReleased(sum) => self.find_released(sum).await,
            Step::FindRefusedAgain(sum) => self.find_refused_again(sum).await,
            Step::InspectCurrent => self.current().await,
            Step::Record(new_version) => self.record(new_version.as_deref(), sha256).await,
            Step::InspectPlaced(version) => {
                let sum = sum(store, processing, self.key, Some(version));
                Ok(Outcome::Sum(sum.await?))
            }
            Step::Copy => self.copy().await,
            Step::FindRefusal(version) => {
                let key = reason_key(&source("", self.key, version).version);
                let there = store.head(quarantine, &key, None).await?;
                Ok(Outcome::Refused(there.is_some()))
            }
            Step::DeleteReason => {
                store.purge(quarantine, &stem.reason_key()).await?;
                Ok(Outcome::Deleted)
            }
            Step::DeleteCopy => {
                store.purge(quarantine, &stem.copy_key).await?;
                Ok(Outcome::Deleted)
            }
            Step::Done(_) | Step::Refuse(_) => bail!("the release has ended already"),
        }
    }

    async fn current(&self) -> anyhow::Result<Outcome> {
        let (store, bucket) = (&self.ward.store, &self.ward.ingest.processing_bucket);
        let Some(head) = store.head_all(bucket, self.key, None).await? else {
            return Ok(Outcome::Current(None));
        };
        let version = head.version_id().map(str::to_owned);
        let sum = sum(store, bucket, self.key, version.as_deref()).await?;
        Ok(Outcome::Current(sum.map(|sum| (sum, version))))
    }

    async fn record(&self, new_version: Option<&str>, sha256: Option<&str>) -> anyhow::Result<Outcome> {
        let mut subject = self.ward.subject(self.found);
        if let Subject::Version { sha256: sum, new_version_id, .. } = &mut subject {
            *sum = sha256.map(str::to_owned);
            *new_version_id = new_version.map(str::to_owned);
        }
        self.log.record(Action::Release, &subject).await?;
        Ok(Outcome::Recorded)
    }

    /// Whether an object says that it was released from this version and has these bytes.
    async fn follows(&self, bucket: &str, key: &str, version: Option<&str>, expected: &Sum) -> anyhow::Result<bool> {
        let store = &self.ward.store;
        let head = store.head_all(bucket, key, version).await?;
        if head.as_ref().and_then(released_from) != Some(self.found.version_id()) {
            return Ok(false);
        }
        let sum = sum(store, bucket, key, version).await?;
        Ok(sum.as_ref() == Some(expected))
    }

    async fn find_released(&self, sum: &Sum) -> anyhow::Result<Outcome> {
        let processing = &self.ward.ingest.processing_bucket;
        let mut pages = self.ward.store.versions(processing, self.key);
        while let Some(page) = pages.next().await? {
            let past = page.iter().any(|v| v.key.as_str() > self.key);
            let same = page.iter().filter(|v| v.key == self.key && !v.marker && v.size == sum.size);
            for version in same {
                let id = version.version_id.as_str();
                if self.follows(processing, self.key, Some(id), sum).await? {
                    return Ok(Outcome::Found(Some(id.to_owned())));
                }
            }
            if past {
                break;
            }
        }
        Ok(Outcome::Found(None))
    }

    async fn find_refused_again(&self, sum: &Sum) -> anyhow::Result<Outcome> {
        let all = Which { key: self.key.to_owned(), version: None };
        let quarantine = self.ward.bucket();
        for other in self.ward.find(&all).await? {
            let own = other.stem == self.found.stem || !other.stem.copy;
            if !own && self.follows(quarantine, &other.stem.copy_key, None, sum).await? {
                let version = other.version_id().to_owned();
                return Ok(Outcome::Found(Some(version)));
            }
        }
        Ok(Outcome::Found(None))
    }

    /// Copies it back, with what it was uploaded with and the version that it comes from. Where that does not fit, or
    /// S3 has metadata that it cannot show, it is copied as it is.
    async fn copy(&self) -> anyhow::Result<Outcome> {
        let (quarantine, copy_key) = (self.ward.bucket(), &self.found.stem.copy_key);
        let bucket = &self.ward.ingest.processing_bucket;
        let head = self.ward.store.head_all(quarantine, copy_key, None).await?;
        let head = head.context("the copy went away while it was released: run it again")?;
        let plain = || {
            let request = self.ward.store.s3.copy_object().bucket(bucket);
            request
                .key(self.key)
                .copy_source(copy_source(quarantine, copy_key, None))
                .tagging_directive(TaggingDirective::Replace)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
        };
        let copied = match head.missing_meta() {
            Some(1..) => plain().send().await,
            _ => {
                let origin = self.found.version_id();
                match restated(plain(), &head, origin).send().await {
                    Err(error) if error.code() == Some("MetadataTooLarge") => plain().send().await,
                    copied => copied,
                }
            }
        };
        let copied = copied.map_err(|e| explain(place("copy to", bucket, self.key), &e))?;
        let Some(version) = copied.version_id else {
            bail!("bucket `{}` is not versioned, which this deployment's has to be: apply again", escape(bucket));
        };
        Ok(Outcome::Copied(version))
    }
}

/// The copy with everything that the object says of itself, and the version that it was released from.
fn restated(request: CopyObjectFluentBuilder, head: &HeadObjectOutput, origin: &str) -> CopyObjectFluentBuilder {
    let mut metadata = head.metadata().cloned().unwrap_or_default();
    metadata.insert(RELEASED_FROM.to_owned(), origin.to_owned());
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let expires = head.expires_string();
    let expires = expires.and_then(|e| DateTime::from_str(e, DateTimeFormat::HttpDate).ok());
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

/// The version that an object was released from, as it says itself.
pub(super) fn released_from(head: &HeadObjectOutput) -> Option<&str> {
    head.metadata()?.get(RELEASED_FROM).map(String::as_str)
}

/// Size and SHA-256 of an object, or of one version of it; `None` if it is not there.
pub(super) async fn sum(store: &Store, bucket: &str, key: &str, version: Option<&str>) -> anyhow::Result<Option<Sum>> {
    let Some(facts) = store.head(bucket, key, version).await? else {
        return Ok(None);
    };
    let facts = Facts { version_id: version.map(str::to_owned), ..facts };
    let sha256 = store.sha256(bucket, key, &facts).await?;
    Ok(sha256.map(|sha256| Sum { size: facts.size, sha256 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy that is replaced says everything again; only where it comes from is new.
    #[test]
    fn a_released_object_keeps_what_it_was_uploaded_with() {
        let head = HeadObjectOutput::builder()
            .content_type("application/json")
            .content_encoding("gzip")
            .cache_control("no-store")
            .metadata("author", "me")
            .metadata(RELEASED_FROM, "before")
            .expires_string("Fri, 02 Jan 1970 00:00:00 GMT")
            .build();
        let client = Store::new(&crate::aws::tests::offline()).s3;
        let request = restated(client.copy_object(), &head, "V");
        assert_eq!(request.get_content_type().as_deref(), Some("application/json"));
        assert_eq!(request.get_content_encoding().as_deref(), Some("gzip"));
        assert_eq!(request.get_cache_control().as_deref(), Some("no-store"));
        assert_eq!(request.get_expires().map(|e| e.secs()), Some(86_400));
        let metadata = request.get_metadata().clone().unwrap();
        assert_eq!(metadata["author"], "me");
        assert_eq!(metadata[RELEASED_FROM], "V");
    }
}
