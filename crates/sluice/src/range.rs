//! Which object versions a command is about: by prefix and by time.

use sluice_types::keys::PROJECT_PREFIX as OWN_PREFIX;

use crate::outputs::Ingest;
use crate::store::{Store, Version, Versions};
use crate::time::{When, now};

/// A choice of versions.
#[derive(Debug, Clone, clap::Args)]
pub struct Range {
    /// Only keys that begin with PREFIX; default: the deployment's prefix
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// Only versions made since WHEN: 2026-11-23T08:00:00Z, 2026-11-23 (UTC), or an age such as 90m, 24h, 7d
    #[arg(long, value_name = "WHEN")]
    pub since: Option<When>,
    /// Only versions made before WHEN
    #[arg(long, value_name = "WHEN")]
    pub until: Option<When>,
    /// Only what is current under its key
    #[arg(long)]
    pub current_only: bool,
}

/// The range as numbers.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    since: i64,
    until: i64,
    current_only: bool,
}

impl Range {
    /// As numbers, at this moment.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let now = now();
        Bounds {
            since: self.since.map_or(i64::MIN, |w| w.seconds(now)),
            until: self.until.map_or(i64::MAX, |w| w.seconds(now)),
            current_only: self.current_only,
        }
    }

    /// The listing that has them all.
    #[must_use]
    pub fn listing(&self, store: &Store, ingest: &Ingest) -> Versions {
        let prefix = self.prefix.as_deref().unwrap_or(&ingest.prefix);
        store.versions(&ingest.processing_bucket, prefix)
    }
}

impl Bounds {
    /// Whether the version is meant: data of the pipeline, in time.
    #[must_use]
    pub fn hold(&self, version: &Version) -> bool {
        let folder = version.key.ends_with('/') && version.size == 0;
        let data = !version.marker && !folder && !version.key.starts_with(OWN_PREFIX);
        let in_time = version.modified >= self.since && version.modified < self.until;
        data && in_time && (version.latest || !self.current_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(key: &str, modified: i64) -> Version {
        Version { key: key.into(), version_id: "v".into(), size: 0, etag: None, modified, latest: false, marker: false }
    }

    #[test]
    fn only_data_in_time_is_meant() {
        let bounds = Bounds { since: 10, until: 20, current_only: false };
        assert!(bounds.hold(&version("a.json", 10)) && bounds.hold(&version("a.json", 19)));
        for other in [
            version("a.json", 9),
            version("a.json", 20),
            version("folder/", 15),
            version("_sluice/schema/x.json", 15),
            Version { marker: true, ..version("a.json", 15) },
        ] {
            assert!(!bounds.hold(&other), "{other:?}");
        }
        assert!(bounds.hold(&Version { size: 1, ..version("data/", 15) }));
        let current = Bounds { current_only: true, ..bounds };
        assert!(!current.hold(&version("a.json", 15)));
        assert!(current.hold(&Version { latest: true, ..version("a.json", 15) }));
    }
}
