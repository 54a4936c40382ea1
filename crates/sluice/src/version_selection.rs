//! Selects object versions by prefix and time.

use provenance::watched::is_folder_marker;
use sluice_types::ListedVersion;
use sluice_types::keys::PROJECT_PREFIX;

use crate::aws::s3::Store;
use crate::aws::s3_listing::{Versions, modified_seconds};
use crate::outputs::Ingest;
use crate::time::{TimeArg, now};

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
    pub(crate) fn matches(&self, listed: &ListedVersion) -> bool {
        let key = &listed.version.key;
        let is_data = !listed.is_delete_marker
            && !is_folder_marker(key, Some(listed.attributes.size))
            && !key.starts_with(PROJECT_PREFIX);
        let modified = modified_seconds(listed);
        let in_time = modified >= self.since && modified < self.until;
        is_data && in_time && (listed.is_latest || !self.current_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3_listing::testing;
    use sluice_types::{ObjectAttributes, Timestamp};

    fn version(key: &str, modified: u64) -> ListedVersion {
        let listed = testing::listed(key, "v");
        let attributes = ObjectAttributes {
            size: 0,
            last_modified: Some(Timestamp::from_millis(modified * 1000)),
            ..ObjectAttributes::default()
        };
        ListedVersion { attributes, is_latest: false, ..listed }
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
            ListedVersion { is_delete_marker: true, ..version("a.json", 15) },
        ] {
            assert!(!filter.matches(&other), "{other:?}");
        }
        let mut object = version("data/", 15);
        object.attributes.size = 1;
        assert!(filter.matches(&object));
        let current = VersionFilter { current_only: true, ..filter };
        assert!(!current.matches(&version("a.json", 15)));
        assert!(current.matches(&ListedVersion { is_latest: true, ..version("a.json", 15) }));
    }
}
