//! Listings of S3 buckets, page by page. Keys are requested URL-encoded, because XML cannot carry every character that a
//! key may have.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{DeleteMarkerEntry, EncodingType, ObjectVersion};
use aws_smithy_async::future::pagination_stream::PaginationStream;
use lambda_support::aws::listed_key;
use lambda_support::log::escape;

use crate::aws::errors::explain;

/// An object version or a delete marker, as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedVersion {
    pub(crate) key: String,
    pub(crate) version_id: String,
    /// In bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: Option<String>,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) is_latest: bool,
    pub(crate) delete_marker: bool,
}

impl ListedVersion {
    fn from_version(version: &ObjectVersion, key: String) -> Self {
        Self {
            key,
            version_id: version.version_id().unwrap_or("null").to_owned(),
            size: version.size().and_then(|s| s.try_into().ok()).unwrap_or(0),
            etag: version.e_tag().map(|e| e.trim_matches('"').to_owned()),
            modified: version.last_modified().map_or(0, DateTime::secs),
            is_latest: version.is_latest() == Some(true),
            delete_marker: false,
        }
    }

    fn from_delete_marker(marker: &DeleteMarkerEntry, key: String) -> Self {
        Self {
            key,
            version_id: marker.version_id().unwrap_or("null").to_owned(),
            size: 0,
            etag: None,
            modified: marker.last_modified().map_or(0, DateTime::secs),
            is_latest: marker.is_latest() == Some(true),
            delete_marker: true,
        }
    }
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
        let request = self.s3.list_object_versions().bucket(&self.bucket).prefix(&self.prefix);
        let request = request.encoding_type(EncodingType::Url);
        let request = request.set_key_marker(key_marker).set_version_id_marker(version_id_marker);
        let page = request.send().await.map_err(|e| explain(list_action(&self.bucket), &e))?;
        let encoding = page.encoding_type();
        if page.is_truncated() == Some(true) {
            let key_marker = page.next_key_marker().map(|marker| listed_key(marker, encoding)).transpose()?;
            self.next_markers = Some((key_marker, page.next_version_id_marker.clone()));
        }
        let mut keys = KeyDecoder { encoding, undecodable: &mut self.undecodable };
        let mut listed = Vec::new();
        for version in page.versions() {
            listed.extend(keys.decode(version.key()).map(|key| ListedVersion::from_version(version, key)));
        }
        for marker in page.delete_markers() {
            listed.extend(keys.decode(marker.key()).map(|key| ListedVersion::from_delete_marker(marker, key)));
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
