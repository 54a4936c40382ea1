//! Searches the trail for the requests of the smoke test.

use std::collections::HashSet;

use crate::aws::s3::Store;
use crate::cloudtrail::object_requests::ObjectRequest;
use crate::cloudtrail::{Trail, may_contain, search_days};
use crate::outputs::Provenance as Names;
use crate::time::now;

/// A repeatable search that reads each log file once.
pub(super) struct TrailSearch<'a> {
    store: &'a Store,
    names: &'a Names,
    trail: Trail<'a>,
    /// When the requests were made, in seconds since 1970.
    at: i64,
    read_keys: HashSet<String>,
}

/// A request that a log file contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoggedRequest {
    pub(super) event_name: &'static str,
    /// The key of the log file.
    pub(super) log_key: String,
}

impl<'a> TrailSearch<'a> {
    pub(super) fn new(store: &'a Store, names: &'a Names, region: &'a str, at: i64) -> Self {
        Self { store, names, trail: Trail::new(store, names, region), at, read_keys: HashSet::new() }
    }

    /// Those of the requests that are in log files delivered since the last search.
    ///
    /// # Errors
    /// If the trail's bucket cannot be read.
    pub(super) async fn find(&mut self, requests: &[ObjectRequest]) -> anyhow::Result<Vec<LoggedRequest>> {
        let mut found = Vec::new();
        for day in search_days(self.at, now().max(self.at)) {
            let mut pages = self.store.objects(&self.names.trail_bucket, &self.trail.day_prefix(day));
            while let Some(page) = pages.next().await? {
                for key in page {
                    if !may_contain(&key, self.at) || self.read_keys.contains(&key) {
                        continue;
                    }
                    for index in self.trail.logged_requests(&key, requests).await? {
                        found.push(LoggedRequest { event_name: requests[index].event_name, log_key: key.clone() });
                    }
                    self.read_keys.insert(key);
                }
            }
        }
        Ok(found)
    }
}
