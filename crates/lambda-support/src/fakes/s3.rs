use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_types::digest::sha256;
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion};

use crate::aws::Obstacle;

/// A stored object version, or a delete marker where `body` is absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    /// Version-id.
    pub version_id: String,
    /// Bytes; `None` for a delete marker.
    pub body: Option<Arc<[u8]>>,
    /// What prevents reading it.
    pub obstacle: Option<Obstacle>,
}

impl Object {
    /// SHA-256 of the bytes, hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(self.body.as_deref().unwrap_or_default())
    }

    /// As a listing shows it: without an ETag, and never as the current version.
    #[must_use]
    pub fn listed(&self, bucket: &str, key: &str) -> ListedVersion {
        ListedVersion {
            version: ObjectVersion {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version_id: self.version_id.clone(),
            },
            attributes: ObjectAttributes { size: self.size(), ..ObjectAttributes::default() },
            is_latest: false,
            is_delete_marker: self.body.is_none(),
        }
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.body.as_ref().map_or(0, |b| b.len() as u64)
    }
}

/// An error response of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3Error {
    /// 404: no such bucket, key or version.
    NotFound,
    /// 405: the version is a delete marker.
    DeleteMarker,
    /// 412: `If-None-Match: *` and the key exists.
    AlreadyExists,
    /// 400 or 403: the version exists and cannot be read.
    Unreadable(Obstacle),
}

/// Versioned buckets: bucket -> key -> versions, newest last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct S3 {
    buckets: BTreeMap<String, BTreeMap<String, Vec<Object>>>,
    versions_made: u32,
}

impl S3 {
    fn push(&mut self, bucket: &str, key: &str, body: Option<Arc<[u8]>>) -> String {
        self.versions_made += 1;
        let version_id = format!("v{}", self.versions_made);
        let versions = self.keys(bucket).entry(key.to_owned()).or_default();
        versions.push(Object { version_id: version_id.clone(), body, obstacle: None });
        version_id
    }

    fn keys(&mut self, bucket: &str) -> &mut BTreeMap<String, Vec<Object>> {
        self.buckets.entry(bucket.to_owned()).or_default()
    }

    /// `PutObject`, with `If-None-Match: *` if `only_new`; returns the version-id.
    ///
    /// # Errors
    /// [`S3Error::AlreadyExists`] when `only_new` and the key has a current version.
    pub fn put(&mut self, bucket: &str, key: &str, body: &[u8], only_new: bool) -> Result<String, S3Error> {
        if only_new && self.get(bucket, key, None).is_ok() {
            return Err(S3Error::AlreadyExists);
        }
        Ok(self.push(bucket, key, Some(body.into())))
    }

    /// `HeadObject` of one version or of the current one, without regard to obstacles.
    ///
    /// # Errors
    /// [`S3Error::NotFound`] or [`S3Error::DeleteMarker`].
    pub fn get(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<&Object, S3Error> {
        let versions = self.buckets.get(bucket).and_then(|b| b.get(key));
        let mut versions = versions.ok_or(S3Error::NotFound)?.iter().rev();
        match version {
            None => versions.next().filter(|o| o.body.is_some()).ok_or(S3Error::NotFound),
            Some(id) => {
                let object = versions.find(|o| o.version_id == id).ok_or(S3Error::NotFound)?;
                match object.body {
                    Some(_) => Ok(object),
                    None => Err(S3Error::DeleteMarker),
                }
            }
        }
    }

    /// `GetObject`: as [`S3::get`], but an obstacle prevents it.
    ///
    /// # Errors
    /// As [`S3::get`], or [`S3Error::Unreadable`].
    pub fn read(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<&Object, S3Error> {
        let object = self.get(bucket, key, version)?;
        match object.obstacle {
            None => Ok(object),
            Some(obstacle) => Err(S3Error::Unreadable(obstacle)),
        }
    }

    /// Sets what prevents reading a version; `None` makes it readable.
    pub fn set_obstacle(&mut self, bucket: &str, key: &str, version: &str, obstacle: Option<Obstacle>) {
        let versions = self.keys(bucket).get_mut(key).into_iter().flatten();
        for object in versions.filter(|o| o.version_id == version) {
            object.obstacle = obstacle;
        }
    }

    /// `CopyObject` of one version.
    ///
    /// # Errors
    /// As [`S3::read`] of the source.
    pub fn copy(&mut self, from: (&str, &str, &str), to: (&str, &str)) -> Result<String, S3Error> {
        let body = self.read(from.0, from.1, Some(from.2))?.body.clone();
        Ok(self.push(to.0, to.1, body))
    }

    /// `DeleteObject`: removes `version`, if it exists; without a version it adds a delete marker.
    pub fn delete(&mut self, bucket: &str, key: &str, version: Option<&str>) {
        let Some(id) = version else {
            self.push(bucket, key, None);
            return;
        };
        let keys = self.keys(bucket);
        if let Some(versions) = keys.get_mut(key) {
            versions.retain(|o| o.version_id != id);
            if versions.is_empty() {
                keys.remove(key);
            }
        }
    }

    /// `ListObjectsV2`: the keys with a current version that start with `prefix`.
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<&str> {
        let keys = self.buckets.get(bucket).into_iter().flatten();
        keys.filter(|(key, versions)| key.starts_with(prefix) && versions.last().is_some_and(|o| o.body.is_some()))
            .map(|(key, _)| key.as_str())
            .collect()
    }

    /// `ListObjectVersions` of one key: newest first, including delete markers.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<&Object> {
        let versions = self.buckets.get(bucket).and_then(|b| b.get(key));
        versions.into_iter().flatten().rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_delete_markers_behave_as_in_s3() {
        let mut s3 = S3::default();
        let one = s3.put("b", "k", b"1", false).unwrap();
        let two = s3.put("b", "k", b"2", false).unwrap();
        assert_eq!(s3.get("b", "k", None).unwrap().version_id, two);
        assert_eq!(s3.put("b", "k", b"3", true), Err(S3Error::AlreadyExists));
        s3.delete("b", "k", None);
        assert_eq!(s3.get("b", "k", None), Err(S3Error::NotFound));
        assert_eq!(s3.get("b", "k", Some(&one)).unwrap().size(), 1);
        assert!(s3.list("b", "").is_empty());
        let marker = s3.versions("b", "k")[0].version_id.clone();
        assert_eq!(s3.get("b", "k", Some(&marker)), Err(S3Error::DeleteMarker));
        s3.delete("b", "k", Some(&marker));
        assert_eq!(s3.get("b", "k", None).unwrap().version_id, two);
        assert!(s3.put("b", "new", b"3", true).is_ok());
    }

    #[test]
    fn a_copy_has_the_bytes_of_the_version_it_names() {
        let mut s3 = S3::default();
        let one = s3.put("b", "k", b"1", false).unwrap();
        s3.put("b", "k", b"22", false).unwrap();
        s3.copy(("b", "k", &one), ("q", "k/1")).unwrap();
        assert_eq!(s3.get("q", "k/1", None).unwrap().size(), 1);
        s3.delete("b", "k", Some(&one));
        assert_eq!(s3.copy(("b", "k", &one), ("q", "k/2")), Err(S3Error::NotFound));
    }
}
