//! Searches the trail for the put of the test file.

use std::collections::HashSet;

use super::test_file::TestFile;
use crate::aws::s3::Store;
use crate::cloudtrail::{Trail, may_contain, search_days};
use crate::outputs::Provenance as Names;
use crate::time::now;

/// A repeatable search that reads each log file once.
pub(super) struct TrailSearch<'a> {
    store: &'a Store,
    names: &'a Names,
    trail: Trail<'a>,
    read_keys: HashSet<String>,
}

impl<'a> TrailSearch<'a> {
    pub(super) fn new(store: &'a Store, names: &'a Names, region: &'a str) -> Self {
        Self { store, names, trail: Trail::new(store, names, region), read_keys: HashSet::new() }
    }

    /// The key of the log file with the put of the file, among those delivered since the last search.
    ///
    /// # Errors
    /// If the trail's bucket cannot be read.
    pub(super) async fn find(&mut self, file: &TestFile) -> anyhow::Result<Option<String>> {
        for day in search_days(file.at, now()) {
            let mut pages = self.store.objects(&self.names.trail_bucket, &self.trail.day_prefix(day));
            while let Some(page) = pages.next().await? {
                for key in page {
                    if !may_contain(&key, file.at) || !self.read_keys.insert(key.clone()) {
                        continue;
                    }
                    let events = self.trail.read_events(&key).await?;
                    if events.iter().any(|event| event.bucket == file.version.bucket && event.key == file.version.key) {
                        return Ok(Some(key));
                    }
                }
            }
        }
        Ok(None)
    }
}
