//! Groups the keys of a quarantine listing into versions: a copy and its reason record.

use std::sync::LazyLock;

use ingest::quarantine::{copy_key, reason_key};
use sluice_types::ObjectVersion;

/// The objects that the quarantine has of one version: its copy, its reason record, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuarantinedVersion {
    pub(crate) copy_key: String,
    pub(crate) has_copy: bool,
    pub(crate) has_reason: bool,
}

impl QuarantinedVersion {
    pub(crate) fn reason_key(&self) -> String {
        format!("{}{}", self.copy_key, *REASON_SUFFIX)
    }

    /// Key and version-id of the source, derived from the copy's key. A long key is cut, so only the reason record has
    /// them reliably.
    pub(crate) fn source_by_copy_key(&self) -> (&str, &str) {
        self.copy_key.rsplit_once('/').unwrap_or((&self.copy_key, ""))
    }
}

/// What the key of a reason record appends to the key of its copy.
static REASON_SUFFIX: LazyLock<String> = LazyLock::new(|| {
    let version = object_version("", "k", "v");
    reason_key(&version).split_off(copy_key(&version).len())
});

pub(crate) fn object_version(bucket: &str, key: &str, version_id: &str) -> ObjectVersion {
    ObjectVersion { bucket: bucket.into(), key: key.into(), version_id: version_id.into() }
}

/// Groups the keys of a sorted listing. Other keys may be listed between a copy and its reason record: those that begin
/// with the key of the copy.
#[derive(Debug, Default)]
pub(crate) struct QuarantineGrouper(Vec<QuarantinedVersion>);

impl QuarantineGrouper {
    /// Adds the next key; returns the versions that are complete.
    pub(crate) fn push(&mut self, key: String) -> Vec<QuarantinedVersion> {
        let last_prefix = self.0.iter().rposition(|version| key.starts_with(&version.copy_key));
        let complete = self.0.split_off(last_prefix.map_or(0, |index| index + 1));
        match key.strip_suffix(REASON_SUFFIX.as_str()) {
            None => self.0.push(QuarantinedVersion { copy_key: key, has_copy: true, has_reason: false }),
            Some(copy_key) => match self.0.iter_mut().find(|version| version.copy_key == copy_key) {
                Some(version) => version.has_reason = true,
                None => {
                    self.0.push(QuarantinedVersion { copy_key: copy_key.into(), has_copy: false, has_reason: true })
                }
            },
        }
        complete
    }

    /// The remaining versions, after the last key.
    pub(crate) fn finish(self) -> Vec<QuarantinedVersion> {
        self.0
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use ingest::source::Source;

    use super::object_version;

    /// A source of which only the version is known.
    pub(crate) fn source(bucket: &str, key: &str, version_id: &str) -> Source {
        Source {
            version: object_version(bucket, key, version_id),
            etag: None,
            size: None,
            sha256: None,
            sequencer: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn grouped(keys: impl IntoIterator<Item = String>) -> Vec<(String, bool, bool)> {
        let mut grouper = QuarantineGrouper::default();
        let keys: BTreeSet<String> = keys.into_iter().collect();
        let mut all: Vec<QuarantinedVersion> = keys.into_iter().flat_map(|k| grouper.push(k)).collect();
        all.extend(grouper.finish());
        let sorted: BTreeSet<_> = all.into_iter().map(|v| (v.copy_key, v.has_copy, v.has_reason)).collect();
        sorted.into_iter().collect()
    }

    #[test]
    fn copies_and_reason_records_are_grouped() {
        let keys = [
            "a/1",
            "a/1.reason.json",
            "a/2",
            "atk/V",
            "atk/V-x/W",
            "atk/V-x/W.reason.json",
            "atk/V.reason.json",
            "b.reason.json/3",
            "b.reason.json/3.reason.json",
            "c/4.reason.json",
        ];
        let expected = [
            ("a/1", true, true),
            ("a/2", true, false),
            ("atk/V", true, true),
            ("atk/V-x/W", true, true),
            ("b.reason.json/3", true, true),
            ("c/4", false, true),
        ];
        let expected: Vec<_> = expected.map(|(k, c, r)| (k.to_owned(), c, r)).to_vec();
        assert_eq!(grouped(keys.map(str::to_owned)), expected);
    }

    /// Keys that look like the copy or the reason record of another key.
    fn similar_keys() -> impl Strategy<Value = (String, String)> {
        let part = prop_oneof![
            Just("a".to_owned()),
            Just("V".to_owned()),
            Just("V.reason.json".to_owned()),
            Just("V-x".to_owned()),
            Just(String::new()),
            Just("é".repeat(495)),
        ];
        let key = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
        let key = key.prop_filter("a key", |k| !k.is_empty() && k.len() <= 1024);
        (key, prop_oneof![Just("V".to_owned()), Just("W".to_owned()), Just("V-x".to_owned())])
    }

    proptest! {
        /// Every version is found once, with its copy and its reason record, whatever the other keys are.
        #[test]
        fn every_version_is_found_once(versions in prop::collection::btree_set(similar_keys(), 1..12)) {
            let versions: Vec<ObjectVersion> = versions.iter().map(|(k, v)| object_version("in", k, v)).collect();
            let keys = versions.iter().flat_map(|v| [copy_key(v), reason_key(v)]);
            let mut expected: Vec<_> = versions.iter().map(|v| (copy_key(v), true, true)).collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(grouped(keys), expected);
        }

        /// A copy without a reason record is found, and so is a reason record without a copy.
        #[test]
        fn incomplete_versions_are_found(versions in prop::collection::btree_map(similar_keys(), 0..3_u8, 1..12)) {
            let mut expected = BTreeSet::new();
            let mut keys = Vec::new();
            for ((key, version), missing) in &versions {
                let version = object_version("in", key, version);
                if *missing != 1 { keys.push(copy_key(&version)); }
                if *missing != 2 { keys.push(reason_key(&version)); }
                expected.insert((copy_key(&version), *missing != 1, *missing != 2));
            }
            prop_assert_eq!(grouped(keys), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
