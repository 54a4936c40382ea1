//! The put of the smoke test's file in the trail's logs.

use std::collections::HashSet;

use crate::outputs::Provenance as Names;
use crate::smoke::Sent;
use crate::store::Store;
use crate::time::now;
use crate::trail::{self, days, may_have};

/// A search that goes on with the logs that came since the last look.
pub struct Trail<'a> {
    store: &'a Store,
    names: &'a Names,
    trail: trail::Trail<'a>,
    seen: HashSet<String>,
}

impl<'a> Trail<'a> {
    /// A search in the trail of this deployment.
    #[must_use]
    pub fn new(store: &'a Store, names: &'a Names, region: &'a str) -> Self {
        Self { store, names, trail: trail::Trail::new(store, names, region), seen: HashSet::new() }
    }

    /// The log that has the put of this file, among those that came since the last look.
    ///
    /// # Errors
    /// When the trail's bucket cannot be read.
    pub async fn find(&mut self, sent: &Sent) -> anyhow::Result<Option<String>> {
        for day in days(sent.at, now()) {
            let folder = self.trail.folder(day);
            let mut pages = self.store.objects(&self.names.trail_bucket, &folder);
            while let Some(page) = pages.next().await? {
                for key in page {
                    if !may_have(&key, sent.at) || !self.seen.insert(key.clone()) {
                        continue;
                    }
                    let created = self.trail.creations(&key).await?;
                    if created.iter().any(|c| c.bucket == sent.bucket && c.key == sent.key) {
                        return Ok(Some(key));
                    }
                }
            }
        }
        Ok(None)
    }
}
