//! Selects object versions by prefix and time.

use crate::aws::s3::Store;
use crate::aws::s3_listing::{ListedVersion, Versions};
use crate::outputs::Ingest;
use crate::time::{TimeArg, now};

/// The prefix of the deployment's own objects.
const RESERVED_PREFIX: &str = "_sluice/";

/// Arguments that select object versions.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct VersionSelectionArgs {
    /// Select only keys that begin with PREFIX [default: the deployment's prefix]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Select only versions created since WHEN: 2026-11-23T08:00:00Z, 2026-11-23 (UTC), or an age such as 90m, 24h, 7d
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<TimeArg>,
    /// Select only versions created before WHEN
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<TimeArg>,
    /// Select only current versions
    #[arg(long)]
    pub(crate) current_only: bool,
}

/// The selection at one point in time, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VersionFilter {
    since: i64,
    until: i64,
    current_only: bool,
}

impl VersionSelectionArgs {
    /// Ages are resolved against the current time.
    pub(crate) fn filter(&self) -> VersionFilter {
        let now = now();
        VersionFilter {
            since: self.since.map_or(i64::MIN, |w| w.seconds(now)),
            until: self.until.map_or(i64::MAX, |w| w.seconds(now)),
            current_only: self.current_only,
        }
    }

    /// A listing that contains every selected version.
    pub(crate) fn listing(&self, store: &Store, ingest: &Ingest) -> Versions {
        let prefix = self.prefix.as_deref().unwrap_or(&ingest.prefix);
        store.versions(&ingest.processing_bucket, prefix)
    }
}

impl VersionFilter {
    /// Whether a version is selected. Delete markers, folder markers and the deployment's own objects never are.
    pub(crate) fn matches(&self, version: &ListedVersion) -> bool {
        let is_folder_marker = version.key.ends_with('/') && version.size == 0;
        let is_data = !version.delete_marker && !is_folder_marker && !version.key.starts_with(RESERVED_PREFIX);
        let in_time = version.modified >= self.since && version.modified < self.until;
        is_data && in_time && (version.is_latest || !self.current_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(key: &str, modified: i64) -> ListedVersion {
        ListedVersion {
            key: key.into(),
            version_id: "v".into(),
            size: 0,
            etag: None,
            modified,
            is_latest: false,
            delete_marker: false,
        }
    }

    #[test]
    fn only_data_in_the_time_range_is_selected() {
        let filter = VersionFilter { since: 10, until: 20, current_only: false };
        assert!(filter.matches(&version("a.json", 10)) && filter.matches(&version("a.json", 19)));
        for other in [
            version("a.json", 9),
            version("a.json", 20),
            version("folder/", 15),
            version("_sluice/schema/x.json", 15),
            ListedVersion { delete_marker: true, ..version("a.json", 15) },
        ] {
            assert!(!filter.matches(&other), "{other:?}");
        }
        assert!(filter.matches(&ListedVersion { size: 1, ..version("data/", 15) }));
        let current = VersionFilter { current_only: true, ..filter };
        assert!(!current.matches(&version("a.json", 15)));
        assert!(current.matches(&ListedVersion { is_latest: true, ..version("a.json", 15) }));
    }
}
