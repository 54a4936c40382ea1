//! Listings of S3 buckets, page by page. Keys are requested URL-encoded, because XML cannot carry every character that a
//! key may have.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{self as s3, EncodingType};
use aws_smithy_async::future::pagination_stream::PaginationStream;
use lambda_support::aws::{listed_key, unquote_etag};
use lambda_support::log::escape;
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion, Timestamp};

use crate::aws::errors::explain;

fn listed_version(bucket: &str, key: String, version: &s3::ObjectVersion) -> ListedVersion {
    ListedVersion {
        version: ObjectVersion {
            bucket: bucket.to_owned(),
            key,
            version_id: version.version_id().unwrap_or("null").to_owned(),
        },
        attributes: ObjectAttributes {
            size: version.size().and_then(|s| s.try_into().ok()).unwrap_or(0),
            etag: version.e_tag().map(unquote_etag),
            last_modified: version.last_modified().and_then(timestamp),
            checksums: Vec::new(),
        },
        is_latest: version.is_latest() == Some(true),
        is_delete_marker: false,
    }
}

fn listed_delete_marker(bucket: &str, key: String, marker: &s3::DeleteMarkerEntry) -> ListedVersion {
    ListedVersion {
        version: ObjectVersion {
            bucket: bucket.to_owned(),
            key,
            version_id: marker.version_id().unwrap_or("null").to_owned(),
        },
        attributes: ObjectAttributes {
            last_modified: marker.last_modified().and_then(timestamp),
            ..ObjectAttributes::default()
        },
        is_latest: marker.is_latest() == Some(true),
        is_delete_marker: true,
    }
}

/// A time of the SDK; `None` before 1970.
pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    time.to_millis().ok().and_then(|ms| u64::try_from(ms).ok()).map(Timestamp::from_millis)
}

/// When a listed version was created, in seconds since 1970; 0 if the listing does not say.
pub(crate) fn modified_seconds(listed: &ListedVersion) -> i64 {
    listed.attributes.last_modified.map_or(0, |at| i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX))
}

/// Decodes the keys of one page; those that are not UTF-8 once decoded are collected as listed.
struct KeyDecoder<'a> {
    encoding: Option<&'a EncodingType>,
    undecodable: &'a mut Vec<String>,
}

impl KeyDecoder<'_> {
    fn decode(&mut self, listed: Option<&str>) -> Option<String> {
        let listed = listed?;
        let decoded = listed_key(listed, self.encoding).ok();
        if decoded.is_none() {
            self.undecodable.push(listed.to_owned());
        }
        decoded
    }
}

/// A listing of object versions and delete markers. The SDK has no paginator for it.
pub(crate) struct Versions {
    s3: Client,
    bucket: String,
    prefix: String,
    /// Key and version-id markers of the next page; `None` after the last.
    next_markers: Option<(Option<String>, Option<String>)>,
    undecodable: Vec<String>,
}

impl Versions {
    pub(super) fn new(s3: &Client, bucket: &str, prefix: &str) -> Self {
        Self {
            s3: s3.clone(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            next_markers: Some((None, None)),
            undecodable: Vec::new(),
        }
    }

    /// The next page, in S3's order; `None` after the last.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Vec<ListedVersion>>> {
        let Some((key_marker, version_id_marker)) = self.next_markers.take() else {
            return Ok(None);
        };
        let request = self
            .s3
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(&self.prefix)
            .encoding_type(EncodingType::Url)
            .set_key_marker(key_marker)
            .set_version_id_marker(version_id_marker);
        let page = request.send().await.map_err(|e| explain(list_action(&self.bucket), &e))?;
        let encoding = page.encoding_type();
        if page.is_truncated() == Some(true) {
            let key_marker = page.next_key_marker().map(|marker| listed_key(marker, encoding)).transpose()?;
            self.next_markers = Some((key_marker, page.next_version_id_marker.clone()));
        }
        let mut keys = KeyDecoder { encoding, undecodable: &mut self.undecodable };
        let mut listed = Vec::new();
        for version in page.versions() {
            listed.extend(keys.decode(version.key()).map(|key| listed_version(&self.bucket, key, version)));
        }
        for marker in page.delete_markers() {
            listed.extend(keys.decode(marker.key()).map(|key| listed_delete_marker(&self.bucket, key, marker)));
        }
        Ok(Some(listed))
    }

    /// The keys since the last call that are not UTF-8 once decoded, as listed.
    pub(crate) fn take_undecodable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.undecodable)
    }
}

/// A listing of current objects.
pub(crate) struct Objects {
    bucket: String,
    pages: PaginationStream<Result<ListObjectsV2Output, SdkError<ListObjectsV2Error>>>,
    undecodable: Vec<String>,
}

impl Objects {
    pub(super) fn new(s3: &Client, bucket: &str, prefix: &str) -> Self {
        let request = s3.list_objects_v2().bucket(bucket).prefix(prefix).encoding_type(EncodingType::Url);
        Self { bucket: bucket.to_owned(), pages: request.into_paginator().send(), undecodable: Vec::new() }
    }

    /// The keys of the next page, in S3's order; `None` after the last.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Vec<String>>> {
        let Some(page) = self.pages.next().await else {
            return Ok(None);
        };
        let page = page.map_err(|e| explain(list_action(&self.bucket), &e))?;
        let mut keys = KeyDecoder { encoding: page.encoding_type(), undecodable: &mut self.undecodable };
        Ok(Some(page.contents().iter().filter_map(|object| keys.decode(object.key())).collect()))
    }

    /// The keys since the last call that are not UTF-8 once decoded, as listed.
    pub(crate) fn take_undecodable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.undecodable)
    }
}

fn list_action(bucket: &str) -> String {
    format!("list bucket `{}`", escape(bucket))
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A current version of 3 bytes in bucket `raw`, created in 1970.
    pub(crate) fn listed(key: &str, version_id: &str) -> ListedVersion {
        ListedVersion {
            version: ObjectVersion { bucket: "raw".into(), key: key.into(), version_id: version_id.into() },
            attributes: ObjectAttributes {
                size: 3,
                etag: Some("e".into()),
                last_modified: Some(Timestamp::UNIX_EPOCH),
                checksums: Vec::new(),
            },
            is_latest: true,
            is_delete_marker: false,
        }
    }
}
